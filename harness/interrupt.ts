/** Ctrl-C as an abort: the first stops the work where it can and keeps what is done, the second ends the process. */
import { setMaxListeners } from "node:events";
import { EXIT } from "./exit.ts";

/** `release` gives the signals back. */
export function onInterrupt(): { abort: AbortController; release: () => void } {
  const abort = new AbortController();
  setMaxListeners(0, abort.signal); // one a launch in flight
  const stop = (): void => {
    if (abort.signal.aborted) process.exit(EXIT.interrupted);
    abort.abort(new Error("interrupted"));
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  const release = (): void => {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  };
  return { abort, release };
}
