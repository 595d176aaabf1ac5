/** For tests of kernels: the addon, built before the first test of a file. Without a CUDA compiler they are skipped. */
import { beforeAll, beforeEach } from "vitest";
import { loadNative, ToolMissing, type Native } from "./native.ts";

/** Set when a test of a file that called `needNative` begins. */
export let native: Native;

export function needNative(): void {
  let tools = true;
  beforeAll(async () => {
    try {
      native = await loadNative();
    } catch (e) {
      if (!(e instanceof ToolMissing)) throw e;
      tools = false;
    }
  }, 900_000);
  beforeEach((c) => {
    if (!tools) c.skip("no CUDA compiler here");
  });
}
