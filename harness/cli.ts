/** `pnpm verify`, `pnpm fixture` and the others: commands are the files in `commands/`, and only the one that is asked for is loaded. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import yargs, { type CommandModule } from "yargs";
import { EXIT, UsageError } from "./exit.ts";

const DIR = join(import.meta.dirname, "commands");
const files = readdirSync(DIR)
  .filter((f) => f.endsWith(".ts") && !f.endsWith(".test.ts"))
  .sort();
const args = process.argv.slice(2);
const fileOf = (name: string): string => `${name.replaceAll("-", "_")}.ts`;
const asked = files.includes(fileOf(args[0] ?? "")) ? [fileOf(args[0])] : files;

const cli = yargs(args)
  .scriptName("pnpm")
  .usage("$0 <command> [options]")
  .strict()
  .demandCommand(1, "command: expected one of the list above, got none")
  .recommendCommands()
  .check((given) => {
    // positional arguments of a program are a list too, and no option
    const typed = (k: string): number => args.filter((a) => a === `--${k}` || a.startsWith(`--${k}=`)).length;
    const twice = Object.entries(given).find(([k, v]) => Array.isArray(v) && typed(k) > 1);
    if (twice)
      throw new UsageError(`${twice[0]}: expected one value, got ${(twice[1] as unknown[]).join(" and ")}`);
    return true;
  })
  .wrap(Math.min(120, process.stdout.columns ?? 110))
  .version(false)
  .exitProcess(false)
  .fail((message, error) => {
    throw error ?? new UsageError(message);
  });
for (const f of asked) {
  const mod = (await import(pathToFileURL(join(DIR, f)).href)) as { command?: CommandModule };
  if (mod.command) cli.command(mod.command);
}

/** Errors whose sentence is for the user to act on. */
const isUsage = (e: Error): boolean =>
  e instanceof UsageError || ["ToolMissing", "StoreError", "YError"].includes(e.name);

try {
  await cli.parseAsync();
} catch (e) {
  const error = e instanceof Error ? e : new Error(String(e));
  process.stderr.write(`${error.message}\n`);
  process.exitCode = isUsage(error) ? EXIT.usage : EXIT.error;
}
