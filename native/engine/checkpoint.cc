#include "checkpoint.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <numeric>

#include "json.h"
#include "native/device/error.h"

namespace engine {
namespace {

using device::fail;

std::vector<int> all(int n) {
  std::vector<int> v(n);
  std::iota(v.begin(), v.end(), 0);
  return v;
}

// A list of distinct integers below `n`, sorted.
std::vector<int> ids(const Json& list, int n, const std::string& where) {
  if (!list.is(Json::Kind::array)) fail(where, ": expected a list of integers, got ", list.show());
  std::vector<int> v;
  for (const Json& j : list.items()) {
    const auto i = j.integer();
    if (!i || *i < 0 || *i >= n) fail(where, ": expected integers in 0..", n - 1, ", got ", j.show());
    v.push_back(int(*i));
  }
  std::sort(v.begin(), v.end());
  const auto twice = std::adjacent_find(v.begin(), v.end());
  if (twice != v.end()) fail(where, ": expected each number once, got ", *twice, " twice");
  return v;
}

// File names only: an index must not reach outside the checkpoint's directory.
bool plain_name(const std::string& file) {
  const auto ok = [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-' || c == '.'; };
  return file.size() > 12 && file.ends_with(".safetensors") && std::all_of(file.begin(), file.end(), ok);
}

}  // namespace

Checkpoint::Checkpoint(const std::string& dir) : dir_(dir), config_(load_config(dir + "/config.json")) {
  read_part();
  read_index();
  check();
}

void Checkpoint::read_part() {
  const std::string path = dir_ + "/partial.json";
  if (!std::filesystem::exists(path)) {
    for (int i = 0; i < config_.n_block(); ++i) experts_[i] = all(config_.n_expert);
    return;
  }
  const Json part = Json::load(path);
  const Json *layers = part.find("layers"), *experts = part.find("experts"), *top = part.find("top");
  for (const auto& [key, v] : part.members())
    if (key != "layers" && key != "experts" && key != "top") fail(path, ": expected layers, experts and top, got \"", key, "\"");
  if (!layers) fail(path, ": key \"layers\": expected a list, got nothing");
  if (!experts || !experts->is(Json::Kind::object)) fail(path, ": key \"experts\": expected an object, got ", experts ? experts->show() : "nothing");
  if (!top || !top->is(Json::Kind::boolean)) fail(path, ": key \"top\": expected true or false, got ", top ? top->show() : "nothing");
  top_ = top->boolean();
  for (int i : ids(*layers, config_.n_block(), path + ": key \"layers\"")) experts_[i] = all(config_.n_expert);
  for (const auto& [key, list] : experts->members()) {
    int i = -1;
    const auto r = std::from_chars(key.data(), key.data() + key.size(), i);
    if (r.ec != std::errc() || r.ptr != key.data() + key.size() || !experts_.count(i))
      fail(path, ": key \"experts\": expected layers of \"layers\", got \"", key, "\"");
    experts_[i] = ids(list, config_.n_expert, path + ": key \"experts." + key + "\"");
  }
}

void Checkpoint::read_index() {
  const std::string path = dir_ + "/model.safetensors.index.json", single = "model.safetensors";
  if (!std::filesystem::exists(path) && std::filesystem::exists(dir_ + "/" + single)) {
    auto file = std::make_unique<Safetensors>(dir_ + "/" + single);
    for (const auto& [name, e] : file->entries()) file_of_[name] = single;
    files_[single] = std::move(file);
    return;
  }
  const Json index = Json::load(path);
  const Json* map = index.find("weight_map");
  if (!map || !map->is(Json::Kind::object))
    fail(path, ": key \"weight_map\": expected an object, got ", map ? map->show() : "nothing");
  for (const auto& [name, file] : map->members()) {
    if (!file.is(Json::Kind::string) || !plain_name(file.text()))
      fail(path, ": tensor \"", name, "\": expected a .safetensors file name, got ", file.show());
    file_of_[name] = file.text();
    auto& f = files_[file.text()];
    if (!f) f = std::make_unique<Safetensors>(dir_ + "/" + file.text());
  }
}

std::vector<Spec> Checkpoint::expected() const {
  std::vector<Spec> specs;
  const auto add = [&](std::vector<Spec> more) { specs.insert(specs.end(), more.begin(), more.end()); };
  if (top_) add(top_specs(config_));
  for (const auto& [i, experts] : experts_) {
    add(block_specs(config_, i));
    for (int e : experts) add(expert_specs(config_, i, e));
  }
  return specs;
}

void Checkpoint::check() const {
  std::set<std::string> names;
  for (const Spec& s : expected()) {
    names.insert(s.name);
    const auto file = file_of_.find(s.name);
    if (file == file_of_.end()) fail(dir_, ": tensor \"", s.name, "\": expected ", describe(s.dtype, s.shape), ", got none in the index");
    const auto& entries = files_.at(file->second)->entries();
    const auto e = entries.find(s.name);
    if (e == entries.end()) fail(dir_, "/", file->second, ": tensor \"", s.name, "\": expected ", describe(s.dtype, s.shape), ", got none");
    if (e->second.dtype != s.dtype || e->second.shape != s.shape)
      fail(dir_, "/", file->second, ": tensor \"", s.name, "\": expected ", describe(s.dtype, s.shape), ", got ",
           describe(e->second.dtype, e->second.shape));
  }
  for (const auto& [name, file] : file_of_)
    if (!names.count(name)) fail(dir_, ": tensor \"", name, "\": expected by no part of the config, got one in the index");
  for (const auto& [file, f] : files_)
    for (const auto& [name, e] : f->entries())
      if (const auto it = file_of_.find(name); it == file_of_.end() || it->second != file)
        fail(dir_, "/", file, ": tensor \"", name, "\": expected the index to place it here, got ",
             it == file_of_.end() ? "no entry" : it->second);
}

const Entry& Checkpoint::get(const std::string& name) const {
  const auto file = file_of_.find(name);
  if (file == file_of_.end()) fail(dir_, ": expected a tensor \"", name, "\", got none (partial checkpoint)");
  return files_.at(file->second)->entries().at(name);
}

}  // namespace engine
