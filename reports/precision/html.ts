/** A precision run as one interactive HTML file. */
import type { PrecisionRecord } from "../../harness/precision/record.ts";
import { htmlPage } from "../html_page.ts";
import { choiceLines, compounding, headline, opLines } from "./tables.ts";
import { compoundingSentence } from "./text.ts";

/** What the page carries as data: the record, and every table that is computed once. */
export function precisionView(r: PrecisionRecord) {
  return {
    record: r,
    lines: choiceLines(r),
    ops: opLines(r),
    compounding: compounding(r),
    compounding_sentence: compoundingSentence(r),
  };
}

export const precisionPage = (r: PrecisionRecord): string =>
  htmlPage({
    title: `Price of formats – ${r.config}, ${r.layers.length} layers – DeepSeek-V4`,
    heading: "DeepSeek-V4: the price of number formats",
    pill: "PRICE",
    sentence: headline(r),
    data: precisionView(r),
    styles: ["page.css", "parts.css", "precision.css"],
    scripts: ["dom.js", "charts.js", "precision_lines.js", "precision_story.js", "precision_main.js"],
  });
