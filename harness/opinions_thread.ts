/** `Opinions` on a worker thread: the same code, with calls as messages. */
import { isMainThread, parentPort, workerData, type Worker } from "node:worker_threads";
import { openCheckpoint } from "../fixtures/reader.ts";
import type { Scalars } from "../kernels/schema.ts";
import type { Tensor } from "../oracle/tensor.ts";
import type { Call, Tensors } from "./call.ts";
import type { Prompt, Unit } from "./chains.ts";
import { opsByName } from "./discover.ts";
import { startTf } from "./tf.ts";
import { tsxWorker } from "./tsx_worker.ts";
import { InlineOpinions, type IdealUnit, type Opinions, type Outputs, type Second } from "./opinions.ts";

/** What the thread says first. */
export interface Hello {
  /** Name of the tfjs backend, null without it. */
  readonly tf: string | null;
  /** Faults of tfjs that are not as pinned, one sentence each. */
  readonly changes: readonly string[];
}

type Ask =
  | { readonly kind: "hello" }
  | { readonly kind: "open"; readonly dir: string }
  | {
      readonly kind: "second";
      readonly op: string;
      readonly t: Call["t"];
      readonly s: Scalars;
      readonly faithful: Tensors;
    }
  | {
      readonly kind: "unit";
      readonly u: Unit;
      readonly prompt: Prompt;
      readonly x: Tensor | null | "carry";
      readonly faithful: Outputs;
    };
type Said = Hello | null | Second | IdealUnit;
type Answer = { readonly id: number } & ({ readonly ok: Said } | { readonly error: string });

/** The thread starts with the constructor and loads tfjs while the caller does other things. */
export class ThreadOpinions implements Opinions {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, { ok: (x: never) => void; fail: (e: Error) => void }>();
  private next = 0;
  private dead: Error | null = null;

  constructor(tf: boolean) {
    this.worker = tsxWorker(import.meta.url, { opinions: { tf } });
    this.worker.on("message", (a: Answer) => {
      const w = this.waiting.get(a.id);
      this.waiting.delete(a.id);
      if ("error" in a) w?.fail(new Error(a.error));
      else w?.ok(a.ok as never);
    });
    const die = (e: Error): void => {
      this.dead ??= e;
      for (const w of this.waiting.values()) w.fail(this.dead);
      this.waiting.clear();
    };
    this.worker.on("error", die);
    this.worker.on("exit", (code) => die(new Error(`oracle thread: expected it to stay, got exit ${code}`)));
  }

  private ask<T>(message: Ask): Promise<T> {
    if (this.dead) return Promise.reject(this.dead);
    const id = this.next++;
    return new Promise<T>((ok, fail) => {
      this.waiting.set(id, { ok, fail });
      this.worker.postMessage({ id, ask: message }, []); // transfers nothing: the caller goes on using it
    });
  }

  hello(): Promise<Hello> {
    return this.ask({ kind: "hello" });
  }

  /** The checkpoint that `idealUnit` runs on. */
  open(dir: string): Promise<null> {
    return this.ask({ kind: "open", dir });
  }

  second(call: Call, faithful: Tensors): Promise<Second> {
    return this.ask({ kind: "second", op: call.op.name, t: call.t, s: call.s, faithful });
  }

  idealUnit(u: Unit, prompt: Prompt, x: Tensor | null | "carry", faithful: Outputs): Promise<IdealUnit> {
    return this.ask({ kind: "unit", u, prompt, x, faithful });
  }

  async close(): Promise<void> {
    this.worker.removeAllListeners("exit");
    await this.worker.terminate();
  }
}

async function serve(port: NonNullable<typeof parentPort>, withTf: boolean): Promise<void> {
  // messages wait in the port's queue until everything is loaded
  const [ops, hello] = await Promise.all([opsByName(), startTf(withTf)]);
  let inline = new InlineOpinions(hello.tf);
  const answer = async (m: Ask): Promise<Said> => {
    if (m.kind === "hello") return hello;
    if (m.kind === "open") {
      inline = new InlineOpinions(hello.tf, openCheckpoint(m.dir));
      return null;
    }
    if (m.kind === "unit") return inline.idealUnit(m.u, m.prompt, m.x, m.faithful);
    const op = ops.get(m.op);
    if (!op) throw new Error(`oracle thread: expected an op, got "${m.op}"`);
    return inline.second({ op, t: m.t, s: m.s }, m.faithful);
  };
  let tail = Promise.resolve();
  port.on("message", ({ id, ask }: { id: number; ask: Ask }) => {
    tail = tail.then(async () => {
      try {
        const ok = await answer(ask);
        const own = ok !== null && "ideal" in ok ? Object.values(ok.ideal) : [];
        port.postMessage({ id, ok }, [...new Set(own.map((t) => t.data.buffer as ArrayBuffer))]);
      } catch (e) {
        port.postMessage({ id, error: e instanceof Error ? e.message : String(e) });
      }
    });
  });
}

interface Data {
  readonly opinions?: { readonly tf: boolean };
}
const data = workerData as Data | null;
if (!isMainThread && parentPort && data?.opinions) await serve(parentPort, data.opinions.tf);
