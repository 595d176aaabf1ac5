/** All faults, in the order in which they are injected. */
import type { Fault } from "../../harness/faults.ts";
import { faults as engine } from "./engine.faults.ts";
import { faults as kernel } from "./kernel.faults.ts";
import { faults as loader } from "./loader.faults.ts";
import { faults as oracle } from "./oracle.faults.ts";

export const faults: readonly Fault[] = [...kernel, ...engine, ...loader, ...oracle];
