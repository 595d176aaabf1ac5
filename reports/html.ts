/**
 * The run as one HTML file that works from a disk without network: Chart.js, styles, scripts and data are inside, and a
 * content policy that lists their hashes keeps everything else out, hostile names included.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Results } from "../harness/result.ts";
import { escapeMarkup } from "./format.ts";
import { toJson } from "./json.ts";
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

const own = (name: string): string => readFileSync(join(import.meta.dirname, "html", name), "utf8");

/** The package exports no path to its UMD file, so it is read beside the entry that it does export. */
function chartJs(): string {
  const entry = createRequire(import.meta.url).resolve("chart.js");
  return readFileSync(join(dirname(entry), "chart.umd.min.js"), "utf8").replace(
    /\/\/# sourceMappingURL=.*$/m,
    "",
  );
}

const hash = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** JSON inside a script element: with every `<` escaped no value can end the element or open a comment. */
export const inlineJson = (x: unknown): string => toJson(x).replaceAll("<", "\\u003c");

export function page(r: Results): string {
  const v = view(r);
  const style = own("page.css") + own("parts.css");
  const scripts = [chartJs(), ...SCRIPTS.map(own)];
  const policy = [
    "default-src 'none'",
    `style-src ${hash(style)}`,
    `script-src ${scripts.map(hash).join(" ")}`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escapeMarkup(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${escapeMarkup(`${v.verdict} – ${v.title} – DeepSeek-V4 verification`)}</title>
<style>${style}</style>
</head>
<body data-verdict="${v.verdict}">
<header class="top">
<div class="bar"><span class="pill">${v.verdict}</span><h1>DeepSeek-V4 verification</h1></div>
<p class="sentence">${escapeMarkup(v.sentence)}</p>
</header>
<main id="main"><noscript><p>The tables and charts of this report need JavaScript; the verdict above does not.</p></noscript></main>
<aside id="detail" hidden aria-label="Details of one tensor"></aside>
<div id="tip" role="tooltip" hidden></div>
<script type="application/json" id="data">${inlineJson(v)}</script>
${scripts.map((s) => `<script>${s}</script>`).join("\n")}
</body>
</html>
`;
}

export const html: Reporter = {
  about: "one interactive HTML file that works offline",
  render: (r) => [{ name: "report.html", content: page(r) }],
};
