/** What the grouped expert linears need of their experts: only those that have rows. */
import { distinct, type Ints } from "../schema.ts";

/** Experts with rows, and slots that hold their weights. */
export function usedExperts({ offset, expert_slot }: Ints): { experts: number; slots: number } {
  const slots = expert_slot.filter((_, e) => offset[e + 1] > offset[e]);
  return { experts: slots.length, slots: distinct(slots) };
}
