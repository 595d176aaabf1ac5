/** What every part of a run needs: its arguments, the addon, the results file, and when to stop. */
import type { Variant } from "../kernels/schema.ts";
import { TOLERANCE_VERSION } from "./bounds.ts";
import type { VerifyArgs } from "./commands/verify.ts";
import { environment, identityOf } from "./environment.ts";
import type { Native, NativeDevice } from "./native.ts";
import type { Unit } from "./chains.ts";
import type { OpPlan } from "./op_run.ts";
import type { OutputsFile } from "./outputs.ts";
import type { ModelPlan, OpsPlan } from "./plan.ts";
import type { Progress } from "./progress.ts";
import type { RunHeader } from "./result.ts";
import type { Store } from "./store.ts";

export interface Session {
  readonly args: VerifyArgs;
  readonly native: Native;
  readonly store: Store;
  readonly done: ReadonlySet<string>;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly tf: string | null;
  /** Kernels to run; absent: the device's own. */
  readonly variant?: Variant;
  /** Takes what each case of a suite gave. */
  readonly outputs?: OutputsFile;
  /** Adds the time since `t0` to a phase of the run. */
  readonly phase: (name: string, t0: number) => void;
}

/** Mark of finished work: a case of an op, or a layer in all its modes. */
export const unitKey = (x: OpPlan | Unit): string =>
  "op" in x ? `op/${x.op.name}/${x.case}` : `layer/${x.layer}`;

export function headerOf(
  a: VerifyArgs,
  p: ModelPlan | OpsPlan,
  typed: readonly string[],
  device: NativeDevice,
  tf: string,
): RunHeader {
  const model = p.kind === "model";
  const plan = {
    config: model ? a.config : "",
    format: model ? a.format : "",
    layers: model ? p.units.map((u) => u.layer) : [],
    ops: model ? [] : p.cases.map((c) => `${c.op.name}/${c.case}`),
    tokens: model ? p.prompt.ids.shape[0] : 0,
    modes: model ? p.modes : (["op"] as const),
    seed: a.seed,
    device: device.id,
    tf,
    all: a.all,
    variant: a.variant,
    repeat: a.repeat,
    profile: a.profile,
  };
  return {
    kind: "run",
    schema: 2,
    started: new Date().toISOString(),
    command: `pnpm verify ${typed.join(" ")}`,
    identity: identityOf(plan),
    config: plan.config,
    format: plan.format,
    tokens: plan.tokens,
    seed: a.seed,
    layers: [...plan.layers],
    ops: model ? [] : [...new Set(p.cases.map((c) => c.op.name))],
    modes: [...plan.modes],
    expected_units: p.kind === "ops" ? p.cases.length : p.units.length,
    device: {
      id: device.id,
      name: device.name,
      virtual: device.id === "virtual",
      detail: { compute_capability: device.compute_capability.join(".") },
    },
    tf_backend: tf,
    tolerance: TOLERANCE_VERSION,
    environment: environment(),
  };
}
