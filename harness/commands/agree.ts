/** `pnpm agree`: what a GPU gave against the virtual one, case by case. */
import { writeFileSync } from "node:fs";
import type { CommandModule } from "yargs";
import { agreeAll, agreeTable, type Give } from "../agree.ts";
import { makeCall, runNative } from "../call.ts";
import { loadSuite, opsByName } from "../discover.ts";
import { EXIT } from "../exit.ts";
import { SeededInputs } from "../inputs.ts";
import { loadNative } from "../native.ts";
import { outputRecords, readOutputs, type Outputs } from "../outputs.ts";
import { Progress } from "../progress.ts";
import { virtualBuilder, virtualOptions, type VirtualArgs } from "../virtual_options.ts";

interface AgreeArgs extends VirtualArgs {
  results: string;
  against?: string;
  json?: string;
}

/** What another file says of a case. */
function fromFile(o: Outputs): Give {
  const by = new Map(o.cases.map((c) => [`${c.op} ${c.case}`, c]));
  return (op, name) => {
    const c = by.get(`${op} ${name}`);
    if (!c || c.outputs.length === 0)
      return Promise.reject(new Error(`other device: expected the case, got ${c?.failed ?? "none"}`));
    return Promise.resolve(c.outputs);
  };
}

/** Runs a case on the virtual device, on the inputs of `seed`. */
async function onVirtual(a: AgreeArgs, seed: number, progress: Progress): Promise<Give> {
  const options = virtualOptions(a);
  const native = await loadNative({
    onProgress: (f, what) => progress.show(`build ${Math.round(100 * f)} % ${what}`),
  });
  native.virtual(options);
  const ops = await opsByName();
  return async (name, which, variant) => {
    progress.show(`${name} ${which}`);
    const op = ops.get(name);
    const found = op && (await loadSuite(op)).cases.find((c) => c.name === which);
    if (!op || !found) throw new Error(`suite: expected the case, got none of this name`);
    const call = makeCall(op, found.make(new SeededInputs(seed, name, which)), found.attrs);
    return outputRecords(
      call,
      which,
      await runNative(native, call, { device: "virtual", repeat: 1, variant }),
    );
  };
}

export const command: CommandModule<object, AgreeArgs> = {
  command: "agree <results>",
  describe:
    "Hold what a GPU gave (verify --op all --outputs FILE) against the virtual one: bits, else how far apart",
  builder: (y) =>
    virtualBuilder(y)
      .positional("results", { type: "string", demandOption: true, describe: "A file of verify --outputs" })
      .option("against", {
        type: "string",
        describe: "Another such file [default: the same cases are run on the virtual device]",
      })
      .option("json", { type: "string", describe: "Write one object a case here" })
      .example("$0 agree gpu.jsonl", "a GPU's outputs against the virtual GPU's")
      .epilogue(
        "Exit codes: 0 the same bits everywhere, 1 apart, 2 usage, 5 nothing to compare, 6 a case that could not be compared.",
      ) as never,
  handler: async (a) => {
    const results = readOutputs(a.results);
    const progress = new Progress(process.stderr);
    const against = a.against === undefined ? null : readOutputs(a.against);
    const give = against ? fromFile(against) : await onVirtual(a, results.header.seed, progress);
    const all = await agreeAll(results, give);
    progress.clear();
    const { header: h } = results;
    const other = against ? `${against.header.name} (${against.header.id})` : "the virtual device";
    process.stdout.write(
      `${h.name} (${h.id}), kernels ${h.variant}, seed ${h.seed}, commit ${h.commit}, against ${other}\n`,
    );
    process.stdout.write(`${agreeTable(all).join("\n")}\n`);
    const count = (state: string): number => all.filter((v) => v.state === state).length;
    process.stdout.write(
      `${all.length} cases: ${count("same")} the same bits, ${count("apart")} apart, ${count("none")} not compared\n`,
    );
    if (a.json !== undefined) writeFileSync(a.json, `${JSON.stringify(all, null, 1)}\n`);
    if (count("none") > 0) process.exitCode = EXIT.error;
    else if (count("apart") > 0) process.exitCode = EXIT.fail;
    else if (all.length === 0) process.exitCode = EXIT.vacuous;
  },
};
