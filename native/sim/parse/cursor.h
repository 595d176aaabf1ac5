// Characters of PTX text with line numbers, comments skipped; and the literals of PTX ISA 4.5.
#pragma once
#include <string>
#include <string_view>

#include "ptx.h"

namespace sim::ptx {

class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  [[noreturn]] void fail(const std::string& expected) const;  // "PTX line N: expected ..., found ..."
  uint32_t line() const { return line_; }
  bool done();  // only blanks are left
  char peek();  // next character after blanks, 0 at the end
  char raw(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : 0; }
  bool accept(char c);
  bool accept(std::string_view word);  // a whole word, "." included
  void expect(char c);
  std::string word();  // identifier: letters digits _ $ %
  bool at_word();
  std::string opcode();                           // after blanks: letters digits _ . :
  std::string until_any(std::string_view stops);  // raw text up to one of them, which stays
  std::string quoted();
  Operand number();  // integer, f32_bits or f64_bits
  bool at_number();
  int64_t integer();

 private:
  void blanks();
  std::string_view text_;
  size_t at_ = 0;
  uint32_t line_ = 1;
};

}  // namespace sim::ptx
