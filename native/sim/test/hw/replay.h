// Holds the virtual SM100 to the vectors of a chapter.
#pragma once
#include <set>
#include <string>

#include "vectors.h"

namespace hw {

struct Totals {
  size_t cases = 0, lanes = 0, differ = 0, open = 0, mended = 0;
  std::vector<std::string> names;  // of the differing cases, "chapter: case"
  std::string first;  // the first difference, as a sentence
};
// Prints every difference unless quiet; 0 when there is none. Cases in `open` are counted apart: known differences, to be mended.
int replay(const std::string& folder, const std::string& chapter, Totals& totals, bool quiet = false, const std::set<std::string>& open = {});
// The lines "chapter: case" of a file.
std::set<std::string> open_cases(const std::string& path);

// Runs a chapter on the virtual SM100 without vectors: which cases fail?
int rehearse(const std::string& chapter);

}  // namespace hw
