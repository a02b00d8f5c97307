// The RPCs of a container's command router: processes in a sandbox that runs, their input and output, its volumes.

import { ServerError, Status, type CallContext } from "nice-grpc";
import type { ContainerProcess } from "./container.ts";
import type { World } from "./control.ts";
import { pause } from "./faults.ts";
import { filesystemTool, runFilesystemTool } from "./filesystem-tool.ts";
import { aborted, deferred, Output } from "./output.ts";
import { environmentOf, type Sandbox } from "./sandboxes.ts";

interface StartMessage {
  readonly taskId: string;
  readonly execId: string;
  readonly commandArgs: readonly string[];
  readonly workdir?: string;
  readonly timeoutSecs?: number;
  readonly secretSources: readonly {
    readonly secretId?: string;
    readonly env?: { readonly contents: Readonly<Record<string, string>> };
  }[];
}

interface ExecMessage {
  readonly taskId: string;
  readonly execId: string;
}

interface InputMessage extends ExecMessage {
  readonly offset: number;
  readonly data: Uint8Array;
  readonly eof: boolean;
}

/** A process that was asked for beside the sandbox's own. */
interface Exec {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly exited: Promise<unknown>;
  exitCode: number | undefined;
  written: number;
  isClosed: boolean;
  readonly write: (data: Uint8Array) => void;
  readonly close: () => void;
}

const stdoutDescriptor = 0;

export function commandRouter(
  world: World,
): Readonly<Record<string, (request: never, context: CallContext) => unknown>> {
  const execs = new Map<string, Exec>();
  const running = async (taskId: string, signal: AbortSignal): Promise<Sandbox> => {
    const sandbox = world.sandboxes.byTask(taskId);
    if (sandbox === undefined) throw new ServerError(Status.NOT_FOUND, `no container ${taskId}`);
    await Promise.race([sandbox.begun, aborted(signal)]);
    if (sandbox.state !== "running") throw new ServerError(Status.NOT_FOUND, `container ${taskId} is over`);
    return sandbox;
  };
  const execOf = ({ execId }: ExecMessage): Exec => {
    const exec = execs.get(execId);
    if (exec === undefined) throw new ServerError(Status.NOT_FOUND, `no process ${execId}`);
    return exec;
  };
  const take = (exec: Exec, { offset, data, eof }: InputMessage): object => {
    // What was sent twice is written once.
    const fresh = data.subarray(Math.max(0, exec.written - offset));
    if (offset > exec.written) throw new ServerError(Status.FAILED_PRECONDITION, "bytes are missing before");
    if (!exec.isClosed && fresh.length > 0) {
      exec.write(fresh);
      exec.written += fresh.length;
    }
    if (eof && !exec.isClosed) {
      exec.isClosed = true;
      exec.close();
    }
    return {};
  };
  /** By task, how much of the sandbox's own input has come. */
  const inputs = new Map<string, number>();

  return {
    taskExecStart: async (message: StartMessage, { signal }: CallContext) => {
      // It is asked again when the answer was lost.
      if (execs.has(message.execId)) return {};
      const sandbox = await running(message.taskId, signal);
      const environment = {
        ...environmentOf(sandbox),
        ...Object.assign(
          {},
          ...message.secretSources.map(({ secretId, env }) => env?.contents ?? world.registry.secrets.get(secretId!)),
        ),
      } as Readonly<Record<string, string>>;
      const [program, request] = message.commandArgs;
      execs.set(
        message.execId,
        program === filesystemTool
          ? toolExec(sandbox, request!)
          : processExec(
              sandbox.container!.run({
                ...{ argv: message.commandArgs, environment },
                ...(message.workdir !== undefined && { workdir: message.workdir }),
              }),
              message.timeoutSecs,
            ),
      );
      return {};
    },
    taskExecStdioRead: async function* (
      {
        offset,
        fileDescriptor,
        ...request
      }: ExecMessage & { readonly offset: number; readonly fileDescriptor: number },
      { signal }: CallContext,
    ) {
      const exec = execOf(request);
      const output = fileDescriptor === stdoutDescriptor ? exec.stdout : exec.stderr;
      for await (const { data } of output.from(offset, signal)) yield { data };
    },
    taskExecStdinWrite: (message: InputMessage) => take(execOf(message), message),
    taskExecStdinStatus: (message: ExecMessage) => {
      const { written, isClosed } = execOf(message);
      return { numBytesWritten: written, closed: isClosed };
    },
    taskExecStdinWriteStream: async (
      messages: AsyncIterable<{ start?: ExecMessage & { offset: number }; data?: Uint8Array; end?: object }>,
    ) => {
      let start: (ExecMessage & { offset: number }) | undefined;
      for await (const message of messages) {
        if (message.start !== undefined) start = { ...message.start };
        else if (start !== undefined && message.data !== undefined) {
          take(execOf(start), { ...start, data: message.data, eof: false });
          start.offset += message.data.length;
        } else if (start !== undefined) take(execOf(start), { ...start, data: new Uint8Array(), eof: true });
      }
      return {};
    },
    taskExecWait: async (message: ExecMessage, { signal }: CallContext) => {
      const exec = execOf(message);
      await Promise.race([exec.exited, aborted(signal)]);
      return { code: exec.exitCode ?? 0 };
    },
    taskExecPoll: (message: ExecMessage) => ({ code: execOf(message).exitCode }),
    taskReloadVolumes: async ({ taskId }: { taskId: string }, { signal }: CallContext) => {
      for (const view of (await running(taskId, signal)).container!.views) view.reload();
      return {};
    },
    sandboxStdioReadV2: async function* (
      { taskId, offset, fileDescriptor }: { taskId: string; offset: number; fileDescriptor: number },
      { signal }: CallContext,
    ) {
      const sandbox = world.sandboxes.byTask(taskId);
      if (sandbox === undefined) throw new ServerError(Status.NOT_FOUND, `no container ${taskId}`);
      await Promise.race([sandbox.begun, aborted(signal)]);
      const { process } = sandbox;
      const output = fileDescriptor === stdoutDescriptor ? process?.stdout : process?.stderr;
      for await (const piece of output?.from(offset, signal) ?? [])
        yield { data: piece.data, startingOffset: piece.offset };
    },
    sandboxStdinWriteV2: ({ taskId, offset, data, eof }: InputMessage) => {
      const sandbox = world.sandboxes.byTask(taskId);
      if (sandbox === undefined) throw new ServerError(Status.NOT_FOUND, `no container ${taskId}`);
      const written = inputs.get(taskId) ?? 0;
      const fresh = data.subarray(Math.max(0, written - offset));
      inputs.set(taskId, written + fresh.length);
      sandbox.input((process) => {
        process.write(fresh);
        if (eof) process.closeInput();
      });
      return {};
    },
  };
}

function processExec(process: ContainerProcess, timeoutSecs: number | undefined): Exec {
  const exec: Exec = {
    ...{ stdout: process.stdout, stderr: process.stderr, exited: process.exited },
    ...{ exitCode: undefined, written: 0, isClosed: false },
    write: (data) => process.write(data),
    close: () => process.closeInput(),
  };
  void process.exited.then(({ code }) => (exec.exitCode = code));
  if (timeoutSecs !== undefined)
    void Promise.race([process.exited, pause(timeoutSecs * 1000)]).then(() => process.kill("SIGKILL"));
  return exec;
}

function toolExec(sandbox: Sandbox, request: string): Exec {
  const pieces: Buffer[] = [];
  let changed = deferred();
  let isClosed = false;
  const tell = () => {
    const { resolve } = changed;
    changed = deferred();
    resolve();
  };
  async function* input(): AsyncGenerator<Buffer> {
    for (;;) {
      const next = changed.promise;
      const piece = pieces.shift();
      if (piece !== undefined) yield piece;
      else if (isClosed) return;
      else await next;
    }
  }
  const [stdout, stderr] = [new Output(), new Output()];
  const exited = runFilesystemTool(request, sandbox.container!, { input: input(), stdout, stderr }).then((code) => {
    exec.exitCode = code;
    stdout.end();
    stderr.end();
  });
  const exec: Exec = {
    ...{ stdout, stderr, exited, exitCode: undefined, written: 0, isClosed: false },
    write: (data) => {
      pieces.push(Buffer.from(data));
      tell();
    },
    close: () => {
      isClosed = true;
      tell();
    },
  };
  return exec;
}
