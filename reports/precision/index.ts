/** The reporters of a precision record by the name that `--report` takes. */
import { encodePrecision, type PrecisionRecord } from "../../harness/precision/record.ts";
import type { ReportFile } from "../report.ts";
import { precisionPage } from "./html.ts";
import { precisionMarkdown } from "./markdown.ts";

export const PRECISION_REPORTERS = {
  html: (r) => ({ name: "precision.html", content: precisionPage(r) }),
  json: (r) => ({ name: "precision.json", content: encodePrecision(r) }),
  markdown: (r) => ({ name: "precision.md", content: precisionMarkdown(r) }),
} as const satisfies Record<string, (r: PrecisionRecord) => ReportFile>;
export type PrecisionReporter = keyof typeof PRECISION_REPORTERS;
