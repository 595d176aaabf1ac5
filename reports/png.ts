/** Charts as pictures, for pull requests and mail: error growth over layers, share of the bound by place, time per op. */
import type { ChartConfiguration } from "chart.js";
import { ChartJSNodeCanvas } from "chartjs-node-canvas";
import type { Results } from "../harness/result.ts";
import { percent } from "./format.ts";
import type { Reporter, ReportFile } from "./report.ts";
import { rank, summarise } from "./summary.ts";
import { growth, strip, times, type Growth } from "./tables.ts";

const [WIDTH, HEIGHT] = [1200, 600];
const INK = "#1b2733";
const LINE = "#dfe5ea";

/** Okabe and Ito's blue, vermilion and green, with distinct marks. */
const SERIES: readonly (readonly [
  keyof Omit<Growth, "layers">,
  string,
  string,
  "circle" | "triangle" | "rect",
])[] = [
  ["isolated", "isolated (worst tensor of the layer)", "#0072b2", "circle"],
  ["accumulated", "accumulated (last tensor of the layer)", "#d55e00", "triangle"],
  ["price", "ideal against faithful (price of the formats)", "#009e73", "rect"],
];

const drawable = (x: number | null): x is number => x !== null && Number.isFinite(x) && x > 0;

/** Log axis that holds every positive number of `all`: exact zeros stand on its floor, non-finite numbers at its ceiling. */
export function logRange(all: readonly (number | null)[]): { low: number; high: number } {
  const positive = all.filter(drawable);
  if (positive.length === 0) return { low: 1e-8, high: 1 };
  const [min, max] = positive.reduce(([a, b], x) => [Math.min(a, x), Math.max(b, x)], [Infinity, 0]);
  return {
    // nothing below 1e-18 means anything for numbers of at most 53 bits
    low: Math.max(1e-18, 10 ** (Math.floor(Math.log10(min)) - 1)),
    high: Math.max(1e-16, 10 ** (Math.floor(Math.log10(max)) + 1)),
  };
}

function growthChart(g: Growth): ChartConfiguration {
  const { low, high } = logRange(SERIES.flatMap(([key]) => g[key]));
  const used = SERIES.filter(([key]) => g[key].some((x) => x !== null));
  return {
    type: "line",
    data: {
      labels: g.layers.map(String),
      datasets: used.map(([key, label, colour, mark]) => ({
        label,
        data: g[key].map((x) => (x === null ? null : drawable(x) ? Math.max(x, low) : x === 0 ? low : high)),
        borderColor: colour,
        backgroundColor: colour,
        pointStyle: g[key].map((x) => (x !== null && !Number.isFinite(x) ? "crossRot" : mark)),
        pointRadius: 4,
        borderWidth: 2.5,
        spanGaps: true,
      })),
    },
    options: {
      scales: {
        x: { title: { display: true, text: "layer" }, grid: { display: false } },
        y: {
          type: "logarithmic",
          min: low,
          max: high,
          title: { display: true, text: "relative L2" },
          ticks: {
            callback: (v) =>
              v === low
                ? "0"
                : Math.abs(Math.log10(Number(v)) % 1) < 1e-9
                  ? Number(v).toExponential(0)
                  : null,
          },
        },
      },
      plugins: {
        legend: { labels: { usePointStyle: true } },
        title: { display: true, text: "Error growth over layers" },
      },
    },
  };
}

/** The largest share of each place, the fullest first; a line at 1 is the bound. */
function shareChart(r: Results): ChartConfiguration {
  const places = summarise(r)
    .modes.flatMap((mode) =>
      strip(r, mode).lines.map((line) => ({
        name: `${line.name} (${mode})`,
        share: line.cells.map((c) => c?.share ?? null).reduce((a, b) => (rank(b) > rank(a) ? b : a), null),
      })),
    )
    .filter((p) => p.share !== null)
    .sort((a, b) => rank(b.share) - rank(a.share))
    .slice(0, 24);
  const ceiling = 2; // a bar that reaches it is at least that far out; its number is in the other reports
  return {
    type: "bar",
    data: {
      labels: places.map((p) => `${p.name}  ${percent(p.share)}`),
      datasets: [
        {
          data: places.map((p) => (Number.isFinite(p.share) ? Math.min(p.share!, ceiling) : ceiling)),
          backgroundColor: places.map((p) => (p.share! <= 1 ? "#0072b2" : "#d55e00")),
        },
      ],
    },
    options: {
      indexAxis: "y",
      scales: {
        x: {
          min: 0,
          max: ceiling,
          title: { display: true, text: "share of the bound used (1 = all of it)" },
        },
        y: { ticks: { autoSkip: false }, grid: { display: false } },
      },
      plugins: { legend: { display: false }, title: { display: true, text: "Fullest bounds" } },
    },
  };
}

function timeChart(r: Results): ChartConfiguration {
  const all = times(r, summarise(r).modes);
  const party = all.some((t) => t.native !== null) ? "native" : "faithful";
  const top = all.filter((t) => t[party] !== null).slice(0, 24);
  const whose = party === "native" ? r.header.device.name : "faithful oracle";
  return {
    type: "bar",
    data: {
      labels: top.map((t) => t.op),
      datasets: [{ data: top.map((t) => t[party]), backgroundColor: "#0072b2" }],
    },
    options: {
      indexAxis: "y",
      scales: {
        x: { title: { display: true, text: `ms over all calls, ${whose}` } },
        y: { ticks: { autoSkip: false }, grid: { display: false } },
      },
      plugins: { legend: { display: false }, title: { display: true, text: "Time per op" } },
    },
  };
}

function render(r: Results): readonly ReportFile[] {
  const canvas = new ChartJSNodeCanvas({
    width: WIDTH,
    height: HEIGHT,
    backgroundColour: "#ffffff",
    chartCallback: (chart) => {
      chart.defaults.color = INK;
      chart.defaults.borderColor = LINE;
      chart.defaults.font.family = "DejaVu Sans, Liberation Sans, Arial, sans-serif";
      chart.defaults.font.size = 15;
    },
  });
  const draw = (name: string, chart: ChartConfiguration): ReportFile => ({
    name,
    content: new Uint8Array(canvas.renderToBufferSync(chart, "image/png")),
  });
  return [
    draw("growth.png", growthChart(growth(r))),
    draw("shares.png", shareChart(r)),
    draw("times.png", timeChart(r)),
  ];
}

export const png: Reporter = { about: "charts as PNG pictures", render };
