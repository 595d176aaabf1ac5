/** Start-up self-test of the third oracle: is tfjs still wrong exactly where we know it to be wrong? */
import { performance } from "node:perf_hooks";
import { tfjs, type Backend } from "./backend.ts";
import { HAZARDS, type Hazard, type Pinned } from "./hazards.ts";

/** The version whose faults are pinned. */
export const PINNED_VERSION = "4.22.0";

export interface HazardResult {
  readonly name: string;
  readonly backend: string;
  readonly right: readonly number[];
  readonly got: readonly number[];
  /** False where this backend has the answer of a right library. */
  readonly faulty: boolean;
  /** "as pinned", "not measured on this backend", or one sentence on what changed. */
  readonly verdict: string;
}

export interface SelfTest {
  readonly ok: boolean;
  readonly version: string;
  readonly backend: string;
  readonly ms: number;
  readonly hazards: readonly HazardResult[];
  /** One sentence a change; empty when all is as pinned. */
  readonly changes: readonly string[];
}

/** Equal elementwise, NaN equal to NaN only. */
export const same = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((x, i) => Object.is(x, b[i]) || x === b[i]);

const text = (x: readonly number[]): string => `[${x.join(", ")}]`;

function check(h: Hazard, backend: Backend): HazardResult {
  const got = tfjs.tidy(() => {
    const y = h.run();
    return y instanceof tfjs.Tensor ? Array.from(y.dataSync()) : [...y];
  });
  const pinned: Pinned | undefined = h.gives[backend];
  const base = { name: h.name, backend, right: h.right, got, faulty: !same(got, h.right) };
  if (pinned === undefined) return { ...base, verdict: "not measured on this backend" };
  const [holds, says] =
    "says" in pinned ? [pinned.holds(got), pinned.says] : [same(got, pinned), text(pinned)];
  if (holds) return { ...base, verdict: "as pinned" };
  return {
    ...base,
    verdict: `tfjs ${tfjs.version_core} ${backend}: expected ${h.name} to give ${says} as ${PINNED_VERSION} does, got ${text(got)}; review the workaround (${h.around})`,
  };
}

/** Runs every hazard on the current backend. */
export function selfTest(): SelfTest {
  const start = performance.now();
  const backend = tfjs.getBackend() as Backend;
  const hazards = HAZARDS.map((h) => check(h, backend));
  const changes = hazards
    .map((h) => h.verdict)
    .filter((v) => v !== "as pinned" && v !== "not measured on this backend");
  if (tfjs.version_core !== PINNED_VERSION)
    changes.unshift(`tfjs: expected version ${PINNED_VERSION}, got ${tfjs.version_core}`);
  return {
    ok: changes.length === 0,
    version: tfjs.version_core,
    backend,
    ms: performance.now() - start,
    hazards,
    changes,
  };
}
