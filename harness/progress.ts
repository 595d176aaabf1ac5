/** One line that says what is going on: rewritten in place on a terminal, printed now and then elsewhere. */
interface Out {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(s: string): unknown;
}

export class Progress {
  private readonly out: Out;
  private readonly every_ms: number;
  private last = -Infinity;
  private shown = false;

  /** Where there is no terminal, lines come at most every `every_ms`. */
  constructor(out: Out, every_ms = 10_000) {
    this.out = out;
    this.every_ms = every_ms;
  }

  show(line: string): void {
    const now = performance.now();
    if (this.out.isTTY) {
      if (now - this.last < 50) return;
      this.out.write(`\r\u001b[2K${line.slice(0, (this.out.columns ?? 100) - 1)}`);
      this.shown = true;
    } else {
      if (now - this.last < this.every_ms) return;
      this.out.write(`${line}\n`);
    }
    this.last = now;
  }

  clear(): void {
    if (this.shown) this.out.write("\r\u001b[2K");
    this.shown = false;
  }
}
