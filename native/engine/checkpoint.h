// A checkpoint directory, held against its config before anything is used: every expected tensor once, nothing else, dtype and shape as
// the config says. `partial.json` may say that only some blocks and experts are there.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config.h"
#include "safetensors.h"
#include "specs.h"

namespace engine {

class Checkpoint {
 public:
  // Throws one sentence with file, tensor, expectation and value.
  explicit Checkpoint(const std::string& dir);

  const Config& config() const { return config_; }
  const std::string& dir() const { return dir_; }
  bool has_top() const { return top_; }
  bool has_block(int i) const { return experts_.count(i) != 0; }
  // Routed experts of block `i` that the directory holds, ascending.
  const std::vector<int>& experts(int i) const { return experts_.at(i); }
  // Throws when the directory (by partial.json) leaves the tensor out.
  const Entry& get(const std::string& name) const;

 private:
  void read_part();
  void read_index();
  void check() const;
  std::vector<Spec> expected() const;

  std::string dir_;
  Config config_;
  bool top_ = true;
  std::map<int, std::vector<int>> experts_;  // by block
  std::map<std::string, std::string> file_of_;
  std::map<std::string, std::unique_ptr<Safetensors>> files_;
};

}  // namespace engine
