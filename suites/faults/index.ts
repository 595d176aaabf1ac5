/** All faults, in the order in which they are injected. */
import type { Fault } from "../../harness/faults.ts";
import { faults as engine } from "./engine.faults.ts";
import { faults as attention } from "./kernel_attention.faults.ts";
import { faults as products } from "./kernel_products.faults.ts";
import { faults as sm100Index } from "./kernel_sm100_index.faults.ts";
import { faults as streams } from "./kernel_streams.faults.ts";
import { faults as loader } from "./loader.faults.ts";
import { faults as oracle } from "./oracle.faults.ts";

export const faults: readonly Fault[] = [
  ...streams,
  ...attention,
  ...products,
  ...sm100Index,
  ...engine,
  ...loader,
  ...oracle,
];
