// Thrown by an adapter when the library does not offer what a reference case asks for.
// The runner lists such a case by name instead of calling it wrong.

export class NotOffered extends Error {
  constructor(what: string) {
    super(`not offered: ${what}`);
    this.name = "NotOffered";
  }
}
