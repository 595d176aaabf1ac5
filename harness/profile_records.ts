/** Profile records out of counts: which launch, what its op cannot do without, what the model makes of it. */
import type { OpDecl } from "../kernels/schema.ts";
import type { Call } from "./call.ts";
import { issuedMacs, type LaunchProfile } from "./profile.ts";
import type { Mode, Profile } from "./result.ts";
import { roofline } from "./roofline.ts";
import { brief } from "./rows.ts";
import { workOf, type Work } from "./work.ts";

/** Takes the records of a run as they come. */
export type ProfileSink = (p: Profile) => void;

export interface ProfilePlace {
  readonly op: OpDecl;
  readonly work: Work;
  readonly mode: Mode;
  readonly site: string;
  readonly layer: number | null;
  readonly case: string | null;
}

/** What a call's own launches are recorded under. */
export const ofCall = (call: Call): Pick<ProfilePlace, "op" | "work"> => ({
  op: call.op,
  work: workOf(call),
});

/** One record a launch of the same call, in their order. */
export function profileRecords(x: ProfilePlace, launches: readonly LaunchProfile[]): Profile[] {
  if (launches.length === 0) return [];
  const { op, work } = x;
  return launches.map((counts, turn) => ({
    kind: "profile",
    key: `${x.mode}|${x.case ?? "model"}|${x.site}|${turn}`,
    mode: x.mode,
    op: op.name,
    family: op.family,
    site: x.site,
    layer: x.layer,
    case: x.case,
    turn,
    counts,
    unavoidable: work.bytes,
    useful_macs: issuedMacs(counts) > 0 ? work.macs : null,
    model: brief(roofline(counts)),
  }));
}
