/** The reporters by the name that `--report` takes; the console one is the command line's own. */
import { html } from "./html.ts";
import { json } from "./json.ts";
import { junit } from "./junit.ts";
import { markdown } from "./markdown.ts";
import { png } from "./png.ts";
import type { Reporter } from "./report.ts";

export const REPORTERS = { html, junit, json, markdown, png } as const satisfies Record<string, Reporter>;

export type ReporterName = keyof typeof REPORTERS;
