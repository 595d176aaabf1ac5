/** Walks the model's composition over the virtual device, native feeding native, and keeps what every launch counted. */
import type { OpDecl, Scalars } from "../../kernels/schema.ts";
import type { Executor, In, Out } from "../../oracle/op.ts";
import { makeCall, runNative } from "../call.ts";
import type { Native } from "../native.ts";
import { issuedMacs } from "../profile.ts";
import { ofCall, profileRecords } from "../profile_records.ts";
import type { Launch } from "./figures.ts";
import { widen, type CountWeights } from "./weights.ts";

export class CountChain implements Executor {
  /** By site, without the layer; in order of the launches. */
  readonly launches = new Map<string, Launch>();
  private readonly native: Native;
  private readonly weights: CountWeights;
  private readonly prefix: string;
  private readonly onLaunch: (site: string) => void;

  constructor(native: Native, weights: CountWeights, prefix: string, onLaunch: (site: string) => void) {
    this.native = native;
    this.weights = weights;
    this.prefix = prefix;
    this.onLaunch = onLaunch;
  }

  async call<D extends OpDecl>(op: D, site: string, t: In<D>, attrs?: Scalars): Promise<Out<D>> {
    const place = site.slice(this.prefix.length);
    this.onLaunch(place);
    const call = makeCall(op, t, attrs);
    const run = await runNative(this.native, call, { device: "virtual", repeat: 1 });
    const parts = this.weights.partsOf(Object.values(call.t));
    // a second launch, when there was one, only settled what the first had written
    const [p] = profileRecords(
      { ...ofCall(call), mode: "isolated", site, layer: null, case: null },
      run.profiles,
    );
    if (p !== undefined) {
      const { counts } = p;
      this.launches.set(place, {
        op: op.name,
        variant: run.variant,
        parts,
        bytes: counts.bytes.global_read_unique + counts.bytes.global_write_unique,
        needed: p.unavoidable.read + p.unavoidable.write,
        issued: issuedMacs(counts),
        useful: p.useful_macs ?? 0,
        instructions: counts.thread_instructions,
        smem: counts.static_smem + counts.dynamic_smem,
        tmem: counts.tmem_columns,
        us: p.model.microseconds,
        bound: p.model.bound,
      });
    }
    return Object.fromEntries(Object.entries(run.out).map(([k, o]) => [k, widen(o, parts)])) as Out<D>;
  }
}
