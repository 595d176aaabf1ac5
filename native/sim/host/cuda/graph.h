// Graphs: nodes of work in the order they were added, each after some others.
#pragma once
#include <list>
#include <map>
#include <set>

#include "common.h"

namespace sim::host {

struct Graph;
struct Node {
  Graph* graph = nullptr;
  uint64_t id = 0;             // in its graph; a clone's nodes keep it
  std::unique_ptr<Work> work;  // null: an empty node
  std::vector<Node*> after;
  bool enabled = true;
  std::vector<void*> pointers;  // to the parameters of a kernel node, for cuGraphKernelNodeGetParams
  CUgraphNodeType type() const { return work ? work->type() : CU_GRAPH_NODE_TYPE_EMPTY; }
};

struct UserObject {
  void* data;
  CUhostFn destroy;
  unsigned count;
};

struct Graph {
  uint64_t id;  // of this graph; a clone says whose it is
  uint64_t cloned = 0;
  uint64_t next = 1;  // node id
  std::list<std::unique_ptr<Node>> nodes;
  std::map<UserObject*, unsigned> kept;

  Graph();
  ~Graph();
  Node* add(std::unique_ptr<Work> work, const std::vector<Node*>& after);
  std::unique_ptr<Graph> clone() const;
  Node* find(uint64_t id) const;
  bool order(std::vector<Node*>& out) const;  // each after what it depends on; false: a cycle
  CUresult run() const;
};

struct Exec {
  std::unique_ptr<Graph> graph;
  uint64_t source = 0;  // id of the graph it was made from
  cuuint64_t flags = 0;
};

struct EventWork : WorkOf<EventWork, CU_GRAPH_NODE_TYPE_EVENT_RECORD> {
  CUevent event = nullptr;
  CUresult run() override;
};
struct EventWaitWork : WorkOf<EventWaitWork, CU_GRAPH_NODE_TYPE_WAIT_EVENT> {
  CUevent event = nullptr;
  CUresult run() override { return CUDA_SUCCESS; }  // what was recorded is done
};
struct ChildWork : Work {
  std::unique_ptr<Graph> graph;
  CUresult run() override { return graph->run(); }
  std::unique_ptr<Work> clone() const override {
    auto w = std::make_unique<ChildWork>();
    w->graph = graph->clone();
    return w;
  }
  CUgraphNodeType type() const override { return CU_GRAPH_NODE_TYPE_GRAPH; }
};
// Memory of a graph is taken when its node is added and stays at that address; the free of such memory has
// nothing to do.
struct AllocWork : WorkOf<AllocWork, CU_GRAPH_NODE_TYPE_MEM_ALLOC> {
  CUDA_MEM_ALLOC_NODE_PARAMS params = {};
  CUresult run() override { return CUDA_SUCCESS; }
};
struct GraphFreeWork : WorkOf<GraphFreeWork, CU_GRAPH_NODE_TYPE_MEM_FREE> {
  CUdeviceptr at = 0;
  CUresult run() override { return CUDA_SUCCESS; }
};

// Handles that live; the lock guards all graphs.
struct Graphs {
  std::recursive_mutex lock;
  std::map<Graph*, std::unique_ptr<Graph>> owned;
  std::set<Graph*> all;  // children and clones too
  std::set<Node*> nodes;
  std::map<Exec*, std::unique_ptr<Exec>> execs;
  std::set<UserObject*> objects;
  static Graphs& get();
};
CUresult known(CUgraph h, Graph*& out);
CUresult known(CUgraphNode h, Node*& out);
CUresult known(CUgraphExec h, Exec*& out);
CUresult known(const CUgraphNode* h, size_t n, std::vector<Node*>& out);
// The node of an executable graph that was made from `node`.
CUresult known(CUgraphExec exec, CUgraphNode node, Node*& out);
inline CUgraphNode handle(Node* n) { return reinterpret_cast<CUgraphNode>(n); }
inline CUgraph handle(Graph* g) { return reinterpret_cast<CUgraph>(g); }

// Adds a node and answers its handle.
CUresult add_node(CUgraphNode* out, CUgraph graph, const CUgraphNode* after, size_t n,
                  std::unique_ptr<Work> work);
// Work from the parameters of a node; `old` keeps a kernel's attributes.
CUresult kernel_work(const CUDA_KERNEL_NODE_PARAMS& p, const KernelWork* old, std::unique_ptr<Work>& out);
CUresult copy_node(const CUDA_MEMCPY3D& p, std::unique_ptr<Work>& out);
CUresult fill_node(const CUDA_MEMSET_NODE_PARAMS& p, std::unique_ptr<Work>& out);
CUresult host_node(const CUDA_HOST_NODE_PARAMS& p, std::unique_ptr<Work>& out);
CUresult child_node(CUgraph graph, std::unique_ptr<Work>& out);
CUresult alloc_node(CUDA_MEM_ALLOC_NODE_PARAMS& p, std::unique_ptr<Work>& out);
CUresult work_of(CUgraphNodeParams& p, const Work* old, std::unique_ptr<Work>& out);

#define SIM_GRAPHS() std::lock_guard graphs_guard(sim::host::Graphs::get().lock)

}  // namespace sim::host
