/** `pnpm verify`: native kernels against the oracles. */
import type { CommandModule } from "yargs";
import { VARIANTS, type Variant } from "../../kernels/schema.ts";
import { EXIT } from "../exit.ts";
import { virtualBuilder, type VirtualArgs } from "../virtual_options.ts";

export interface VerifyArgs extends VirtualArgs {
  layer?: number;
  layers?: string;
  all: boolean;
  op?: string;
  case?: string;
  golden?: string;
  config: string;
  format: "mxfp4" | "nvfp4";
  tokens?: number;
  seed: number;
  device: string;
  variant: "auto" | Variant;
  isolated: boolean;
  accumulated: boolean;
  repeat: number;
  tf: boolean;
  profile: boolean;
  report: string;
  out?: string;
  outputs?: string;
  list: boolean;
  resume: boolean;
}

export const command: CommandModule<object, VerifyArgs> = {
  command: "verify",
  describe:
    "Hold native kernels against the oracles: a layer, several, the whole model, ops, or a golden bundle",
  builder: (y) =>
    virtualBuilder(y)
      .group(["async", "checks", "max-instructions"], "The virtual SM100:")
      .group(["layer", "layers", "all", "op", "case", "golden", "list"], "What:")
      .option("layer", { type: "number", describe: "One layer" })
      .option("layers", { type: "string", describe: "Several: 10..14 or 0,3,12" })
      .option("all", {
        type: "boolean",
        default: false,
        describe: "From the embedding to the sampler and the MTP block",
      })
      .option("op", { type: "string", describe: "Suite cases of these ops: rmsnorm or rmsnorm,rope, or all" })
      .option("case", { type: "string", describe: "With --op: only cases whose name contains this" })
      .option("golden", {
        type: "string",
        describe: "Both oracles against a bundle of an independent implementation",
      })
      .option("list", { type: "boolean", default: false, describe: "Say what there is to verify, and stop" })
      .group(
        [
          "config",
          "format",
          "tokens",
          "seed",
          "device",
          "variant",
          "isolated",
          "accumulated",
          "repeat",
          "tf",
          "profile",
        ],
        "How:",
      )
      .option("config", {
        type: "string",
        default: "mini",
        describe: "Model configuration: mini, pro or flash",
      })
      .option("format", {
        choices: ["mxfp4", "nvfp4"] as const,
        default: "mxfp4" as const,
        describe: "Format of the routed experts",
      })
      .option("tokens", {
        type: "number",
        describe: "Length of the prompt [default: past the window and one HCA block; wide models: 1]",
      })
      .option("seed", { type: "number", default: 0, describe: "Of weights and inputs" })
      .option("device", { type: "string", default: "virtual", describe: "virtual, cuda:0 ..." })
      .option("variant", {
        choices: ["auto", ...VARIANTS] as const,
        default: "auto" as const,
        describe: "Kernels: auto takes those written for the device, portable runs anywhere",
      })
      .option("isolated", {
        type: "boolean",
        default: false,
        describe: "Only: every op on the oracle's inputs",
      })
      .option("accumulated", { type: "boolean", default: false, describe: "Only: native feeds native" })
      .option("repeat", { type: "number", default: 2, describe: "With --op: launches whose bits must agree" })
      .option("tf", { type: "boolean", default: true, describe: "--no-tf leaves the tfjs oracle out" })
      .option("profile", {
        type: "boolean",
        default: false,
        describe: "Count what every launch does on the virtual device, and model its time on a B200",
      })
      .group(["report", "out", "outputs", "resume"], "Results:")
      .option("report", {
        type: "string",
        default: "html",
        describe: "html, json, junit, markdown, png, or none",
      })
      .option("out", { type: "string", describe: "Folder of rows and reports [default: runs/<time>]" })
      .option("outputs", {
        type: "string",
        describe: "With --op: write what each case gave here, for agree on another machine",
      })
      .option("resume", {
        type: "boolean",
        default: false,
        describe: "Go on with an interrupted run (the newest of the same plan, or the one in --out)",
      })
      .conflicts({ layer: ["layers", "op", "golden"], layers: ["op", "golden"], op: "golden" })
      .example("$0 verify --layer 12", "a CSA layer of the mini model, isolated and accumulated")
      .example("$0 verify --all --resume", "the whole model, going on where Ctrl-C stopped it")
      .example("$0 verify --op rmsnorm --case decode", "some cases of one op")
      .example(
        "$0 verify --op all --device cuda:0 --outputs gpu.jsonl",
        "every suite on a GPU, kept for agree",
      )
      .example("$0 verify --layer 12 --config pro", "true shapes, one decode token")
      .example("$0 verify --golden fixtures/golden/a", "the oracles themselves")
      .epilogue(
        `Exit: ${EXIT.ok} all good, ${EXIT.fail} numeric failure, ${EXIT.usage} usage, ${EXIT.vacuous} nothing was really compared, ${EXIT.error} crash or no device, ${EXIT.split} oracles disagree, ${EXIT.interrupted} interrupted`,
      ),
  handler: async (a) => {
    const { verify } = await import("../verify.ts");
    process.exitCode = await verify(a, process.argv.slice(3));
  },
};
