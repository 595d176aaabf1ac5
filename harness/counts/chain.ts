/** Walks the model's composition over the virtual device, native feeding native, and counts the launches that the engine makes of it. */
import type { OpDecl, Scalars } from "../../kernels/schema.ts";
import type { Executor, In, Out } from "../../oracle/op.ts";
import { makeCall, runNative, type NativeRun } from "../call.ts";
import type { Native } from "../native.ts";
import { issuedMacs } from "../profile.ts";
import { ofCall, profileRecords } from "../profile_records.ts";
import type { Launch } from "./figures.ts";
import { fuse, type Fused, type Recorded } from "./fuse.ts";
import { widen, type CountWeights } from "./weights.ts";

interface Ran extends Recorded {
  readonly run: NativeRun;
}

export class CountChain implements Executor {
  private readonly calls: Ran[] = [];
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
    const parts = this.partsOf(call.t);
    const out = Object.fromEntries(Object.entries(run.out).map(([k, o]) => [k, widen(o, parts)]));
    this.calls.push({ call, site: place, out, run, slices: parts });
    return out as Out<D>;
  }

  /** By site (of a fusion, the last that it stands for), without the layer; in order of the launches. */
  async launches(fusions: Iterable<OpDecl>): Promise<Map<string, Launch>> {
    const counted = new Map<string, Launch>();
    for (const f of fuse(this.calls, fusions)) {
      const launch = await this.count(f);
      if (launch) counted.set(f.sites.at(-1)!, launch);
    }
    return counted;
  }

  /** Null where the op launches nothing. */
  private async count({ call, sites }: Fused): Promise<Launch | null> {
    const place = sites.at(-1)!;
    this.onLaunch(`${place} (${call.op.name})`);
    const run =
      this.calls.find((r) => r.call === call)?.run ??
      (await runNative(this.native, call, { device: "virtual", repeat: 1 }));
    // a second launch, when there was one, only settled what the first had written
    const [p] = profileRecords(
      { ...ofCall(call), mode: "isolated", site: place, layer: null, case: null },
      run.profiles,
    );
    if (p === undefined) return null;
    const { counts } = p;
    return {
      op: call.op.name,
      variant: run.variant,
      ops: sites.length,
      parts: this.partsOf(call.t),
      bytes: counts.bytes.global_read_unique + counts.bytes.global_write_unique,
      needed: p.unavoidable.read + p.unavoidable.write,
      issued: issuedMacs(counts),
      useful: p.useful_macs ?? 0,
      instructions: counts.thread_instructions,
      smem: counts.static_smem + counts.dynamic_smem,
      tmem: counts.tmem_columns,
      us: p.model.microseconds,
      bound: p.model.bound,
    };
  }

  private readonly partsOf = (t: Ran["call"]["t"]): number => this.weights.partsOf(Object.values(t));
}
