/** Starts the third oracle: its backend, and the self-test that pins tfjs's known faults. */
import type { Hello } from "./opinions_thread.ts";

/** `wanted` false: nothing is loaded. */
export async function startTf(wanted: boolean): Promise<Hello> {
  if (!wanted) return { tf: null, changes: [] };
  const { describeBackend } = await import("../oracle/tf/backend.ts");
  const { selfTest } = await import("../oracle/tf/selftest.ts");
  return { tf: describeBackend(), changes: selfTest().changes };
}
