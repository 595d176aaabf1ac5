// Lanes of a warp that go together are a path. Where lanes part, the branch's immediate post-dominator
// becomes a join: paths park there until every lane that is still to come has come. Lanes that wait for other
// lanes (a lock) still get on: paths take turns, and a join that holds others up for long lets the lanes that
// have come go ahead without the rest.
#pragma once
#include <array>
#include <memory>
#include <vector>

#include "hazard.h"
#include "program.h"
#include "shadow.h"
#include "undefined.h"
#include "warp.h"

namespace sim {

struct Waitable;

using StackTops = std::array<uint32_t, LANES>;  // of each thread, where alloca goes on
struct Frame {  // a call in progress
  const CallSite* site;
  const Instr* back;
  std::shared_ptr<Frame> parent;
  StackTops stack;  // when it began
};

struct Join {
  const Instr* at;
  uint32_t expected, arrived;  // lanes that are to come in all, lanes that wait here
  Join* parent;
  std::shared_ptr<Frame> frame;
};

struct Path {
  enum State : uint8_t { ready, gathering, waiting } state = ready;
  const Instr* ip = nullptr;
  uint32_t mask = 0;
  Join* join = nullptr;
  std::shared_ptr<Frame> frame;
  uint64_t token = 0;  // set by who wakes a waiting path: its instruction runs again and finds it
  int barrier = -1;    // waiting: which barrier of the CTA,
  const Waitable* on = nullptr;  // or what else
};

struct WarpState {
  Warp w;
  const Program* program = nullptr;
  std::vector<Path> paths;
  size_t current = 0;  // index of the running path; paths.size() when none
  uint32_t live = 0;   // lanes that exist and have not exited
  uint32_t exist = 0;
  std::vector<std::unique_ptr<Join>> joins;
  bool yields = false;   // its turn ends after this straight run
  uint64_t held_up = 0;  // runs since a join last let lanes go
  uint64_t warp_instructions = 0, thread_instructions = 0;
  uint64_t counted_warp = 0, counted_thread = 0;  // of these, already in the launch's sum
  std::vector<uint8_t> registers, local, local_shadow;
  StackTops stack;
  const uint8_t* params = nullptr;
  std::vector<LateResult> late;
  LateRegisters late_registers;
  Undefined undefined;

  void start(uint32_t lanes, const Instr* entry);
  Path& path() { return paths[current]; }
  bool running() const { return current < paths.size(); }
  bool done() const { return paths.empty() && live == 0; }
  bool select_ready();  // makes a ready path the current one
  void rotate();        // the next ready path, if there is another
  void split(uint32_t taken, const Instr* target, const Instr* join);  // lanes of the current path part
  void fan(const std::vector<std::pair<const Instr*, uint32_t>>& groups,
           const Instr* join);  // the same for many targets
  void meet(const Instr* at);   // the current path reached a join's place
  void exit(uint32_t lanes);    // of the current path
  void drop_current();
  bool break_joins();  // lanes that wait at joins go ahead; false when there are none
  // The current path runs `at` again once woken.
  void park(Path::State state, const Instr* at, int barrier = -1, const Waitable* on = nullptr);
  // Lanes of the current path that are off go on by themselves; the path keeps those that are on.
  void leave_behind(uint32_t on, const Instr* next);

 private:
  void free_join(Join* j);
  void release(Join* j);
};

// Runs ready paths of the warp for about `runs` straight runs. False when nothing in it was ready.
bool run(WarpState& s, uint64_t runs);

// Handlers in front of a row's own. gathered() runs it once all lanes of the member mask are here
// (Scope::WARP rows).
void gathered(Warp& w, const Instr& in);
void guarded(Warp& w, const Instr& in);

}  // namespace sim
