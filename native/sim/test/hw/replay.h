// Holds the virtual SM100 to the vectors of a chapter.
#pragma once
#include <string>

#include "vectors.h"

namespace hw {

struct Totals {
  size_t cases = 0, lanes = 0, differ = 0;
  std::string first;  // the first difference, as a sentence
};
// Prints every difference unless quiet; 0 when there is none.
int replay(const std::string& folder, const std::string& chapter, Totals& totals, bool quiet = false);

// Runs a chapter on the virtual SM100 without vectors: which cases fail?
int rehearse(const std::string& chapter);

}  // namespace hw
