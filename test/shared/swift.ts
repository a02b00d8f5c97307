// OpenStack Swift with its S3 interface, from Debian's packages: a server that looks at signatures, and keeps objects in its own way. All in one
// folder, on four ports in a row, with a memcached of its own.

import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { onTestFinished } from "vitest";
import { freePorts, temporaryFolder, until, type AtEnd } from "./places.ts";

const programs = [
  ...["proxy", "account", "container", "object"].map((name) => `/usr/bin/swift-${name}-server`),
  "/usr/bin/memcached",
];
export const hasSwift = programs.every((program) => existsSync(program));

export const swiftCredentials = { AWS_ACCESS_KEY_ID: "test:tester", AWS_SECRET_ACCESS_KEY: "testing" } as const;

/** Of somebody who may read what is in the bucket, and not write there. */
export const swiftReader = { AWS_ACCESS_KEY_ID: "test:reader", AWS_SECRET_ACCESS_KEY: "reading" } as const;

const kinds = ["object", "container", "account"] as const;

const makeRings = `import sys
from swift.common.ring import RingBuilder
for kind, port in zip(${JSON.stringify(kinds)}, sys.argv[1:]):
    address = {"ip": "127.0.0.1", "port": int(port), "replication_ip": "127.0.0.1", "replication_port": int(port)}
    builder = RingBuilder(4, 1, 0)
    builder.add_dev({"id": 0, "region": 1, "zone": 1, "device": "d1", "weight": 1.0, "meta": "", **address})
    builder.rebalance()
    builder.get_ring().save(kind + ".ring.gz")
`;

/** Where an empty bucket is. Its servers take seconds to start: they may serve several tests, each with a prefix of its own. */
export async function startSwiftBucket(atEnd: AtEnd = onTestFinished): Promise<string> {
  const { endpoint } = await startSwift(atEnd);
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = swiftCredentials;
  const client = new S3Client({
    ...{ endpoint, region: "us-east-1", forcePathStyle: true },
    credentials: { accessKeyId, secretAccessKey },
  });
  // The storage behind the proxy may be a moment later than it.
  for (let tries = 1; ; tries++)
    try {
      await client.send(new CreateBucketCommand({ Bucket: "team" }));
      await letRead(endpoint);
      return `s3://team/exp?endpoint=${endpoint}&region=us-east-1`;
    } catch (error) {
      if (tries === 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
}

/** Who may read a bucket is told in Swift's own way: its S3 knows owners only. */
async function letRead(endpoint: string): Promise<void> {
  const { AWS_ACCESS_KEY_ID: user, AWS_SECRET_ACCESS_KEY: key } = swiftCredentials;
  const greeted = await fetch(`${endpoint}/auth/v1.0`, { headers: { "x-auth-user": user, "x-auth-key": key } });
  const { status } = await fetch(`${greeted.headers.get("x-storage-url")!}/team`, {
    method: "POST",
    headers: {
      "x-auth-token": greeted.headers.get("x-auth-token")!,
      "x-container-read": swiftReader.AWS_ACCESS_KEY_ID,
    },
  });
  if (status !== 204) throw new Error(`Swift lets nobody read: ${status}`);
}

async function startSwift(atEnd: AtEnd): Promise<{ readonly endpoint: string }> {
  const folder = temporaryFolder(atEnd);
  const etc = join(folder, "etc");
  for (const name of ["etc", "srv/d1"]) mkdirSync(join(folder, name), { recursive: true });
  const [proxyPort, memcachedPort, ...ports] = await freePorts(2 + kinds.length);
  const common = (port: number) => `[DEFAULT]
bind_ip = 127.0.0.1
bind_port = ${port}
workers = 0
user = root
swift_dir = ${etc}
devices = ${folder}/srv
mount_check = false
log_udp_host = 127.0.0.1
log_udp_port = 9
`;
  for (const [i, kind] of kinds.entries()) {
    const app = `[pipeline:main]\npipeline = ${kind}-server\n[app:${kind}-server]\nuse = egg:swift#${kind}\n`;
    writeFileSync(join(etc, `${kind}-server.conf`), common(ports[i]!) + app);
  }
  const filters = ["catch_errors", "listing_formats", "bulk", "slo", "dlo"];
  writeFileSync(
    join(etc, "proxy-server.conf"),
    `${common(proxyPort!)}[pipeline:main]
pipeline = catch_errors cache listing_formats s3api tempauth bulk slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
# On a machine that is busy a part of it may be slow, and is not to be left alone for that.
conn_timeout = 20
node_timeout = 60
recoverable_node_timeout = 60
error_suppression_limit = 1000000
allow_account_management = true
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
user_test_reader = reading
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
check_bucket_owner = false
location = us-east-1
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:${memcachedPort!}
${filters.map((name) => `[filter:${name}]\nuse = egg:swift#${name}\n`).join("")}`,
  );
  // As swift-ring-builder makes them, which takes three calls for each, and seconds for each call.
  execFileSync("/usr/bin/python3", ["-W", "ignore", "-c", makeRings, ...ports.map(String)], { cwd: etc });
  writeFileSync(join(etc, "swift.conf"), "[swift-hash]\nswift_hash_path_suffix = x\nswift_hash_path_prefix = y\n");
  const start = (program: string, words: readonly string[]) => startIn(folder, program, words, atEnd);
  start("/usr/bin/memcached", ["-u", "root", "-l", "127.0.0.1", "-p", String(memcachedPort!), "-m", "16"]);
  for (const kind of [...kinds, "proxy"]) start(`/usr/bin/swift-${kind}-server`, [join(etc, `${kind}-server.conf`)]);
  const endpoint = `http://127.0.0.1:${proxyPort!}`;
  for (const port of [...ports, proxyPort!]) {
    const asked = { signal: AbortSignal.timeout(60_000) };
    await until(async () => (await fetch(`http://127.0.0.1:${port}/`, asked)).status > 0);
  }
  return { endpoint };
}

function startIn(folder: string, program: string, words: readonly string[], atEnd: AtEnd): void {
  const env = { ...process.env, SWIFT_DIR: join(folder, "etc"), PYTHONWARNINGS: "ignore" };
  const child = spawn(program, words, {
    stdio: "ignore",
    env,
  });
  atEnd(() => void child.kill("SIGTERM"));
}
