// What parts of the benchmark are given: a folder to work in, the program, how often to measure.

export interface Setup {
  readonly scratch: string;
  readonly node: string;
  readonly program: string;
  readonly repetitions: number;
}
