/** The run as one interactive HTML file (`html_page.ts` says how it stays on its own). */
import type { Results } from "../harness/result.ts";
import { htmlPage } from "./html_page.ts";
import type { Reporter } from "./report.ts";
import { view } from "./view.ts";

/** Browser code in the order in which it runs. */
const SCRIPTS = [
  "dom.js",
  "charts.js",
  "strip.js",
  "detail.js",
  "tables.js",
  "profile.js",
  "main.js",
] as const;

export function page(r: Results): string {
  const v = view(r);
  return htmlPage({
    title: `${v.verdict} – ${v.title} – DeepSeek-V4 verification`,
    heading: "DeepSeek-V4 verification",
    pill: v.verdict,
    sentence: v.sentence,
    data: v,
    styles: ["page.css", "parts.css"],
    scripts: SCRIPTS,
  });
}

export const html: Reporter = {
  about: "one interactive HTML file that works offline",
  render: (r) => [{ name: "report.html", content: page(r) }],
};
