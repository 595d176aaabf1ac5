/**
 * The tfjs that the third oracle runs on. One backend a process, chosen once: the CUDA binding where its native part was
 * installed, else WASM with SIMD, else plain JavaScript. tfjs only logs when a backend fails and stays on another one, so the
 * choice is checked by name after every switch.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import * as tfjs from "@tensorflow/tfjs";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";

export { tfjs };

export type Backend = "tensorflow" | "wasm" | "cpu";

/** The optional package; its name is a value so that a machine without it still type-checks. */
const GPU_PACKAGE: string = "@tensorflow/tfjs-node-gpu";

/** Switches to `name`. False when the backend cannot start here. */
export async function useBackend(name: Backend): Promise<boolean> {
  if (tfjs.findBackend(name) === null && tfjs.engine().registryFactory[name] === undefined) return false;
  try {
    await tfjs.setBackend(name);
  } catch {
    return false;
  }
  return (tfjs.getBackend() as string) === name;
}

async function start(): Promise<Backend> {
  tfjs.enableProdMode();
  const dist = dirname(createRequire(import.meta.url).resolve("@tensorflow/tfjs-backend-wasm/package.json"));
  setWasmPaths(join(dist, "dist") + "/");
  try {
    // registers "tensorflow" with the tfjs-core above; the import throws where libtensorflow was not installed
    await import(GPU_PACKAGE);
  } catch {
    // no native part here: WASM is the next choice
  }
  for (const name of ["tensorflow", "wasm", "cpu"] as const) if (await useBackend(name)) return name;
  throw new Error(`tfjs ${tfjs.version_core}: expected a backend of tensorflow, wasm, cpu, got none`);
}

/** Name of the chosen backend, for reports. */
export const backend: Backend = await start();

/** What the tfjs oracle ran on, for a result's environment, e.g. "tfjs 4.22.0 wasm". */
export const describeBackend = (): string => `tfjs ${tfjs.version_core} ${tfjs.getBackend()}`;
