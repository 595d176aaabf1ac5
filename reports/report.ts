/** What a reporter is: a pure function from a run's results to files. Nothing here prints, times or touches the disk. */
import type { Results } from "../harness/result.ts";

export interface ReportFile {
  /** A file name without folders. */
  readonly name: string;
  readonly content: string | Uint8Array;
}

export interface Reporter {
  /** One line for `--help`. */
  readonly about: string;
  readonly render: (results: Results) => readonly ReportFile[];
}
