#include "cursor.h"

#include <bit>
#include <cctype>
#include <cstdlib>

namespace sim::ptx {

namespace {
bool word_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' || c == '%';
}
bool digit(char c) { return c >= '0' && c <= '9'; }
}  // namespace

void Cursor::fail(const std::string& expected) const {
  std::string found;
  for (size_t k = at_; k < text_.size() && found.size() < 24 && text_[k] != '\n'; ++k)
    found += std::isprint(static_cast<unsigned char>(text_[k])) ? text_[k] : '?';
  throw ParseError("PTX line " + std::to_string(line_) + ": expected " + expected + ", found " +
                   (at_ >= text_.size() ? "the end of the text"
                    : found.empty()     ? "the end of the line"
                                        : "'" + found + "'"));
}

void Cursor::blanks() {
  while (at_ < text_.size()) {
    char c = text_[at_];
    if (c == '\n') {
      ++line_, ++at_;
    } else if (c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v') {
      ++at_;
    } else if (c == '/' && raw(1) == '/') {
      while (at_ < text_.size() && text_[at_] != '\n') ++at_;
    } else if (c == '/' && raw(1) == '*') {
      size_t end = text_.find("*/", at_ + 2);
      if (end == std::string_view::npos) fail("'*/'");
      for (; at_ < end + 2; ++at_) line_ += text_[at_] == '\n';
    } else if (c == '#' && (at_ == 0 || text_[at_ - 1] == '\n')) {  // "# 12 file", left by a preprocessor
      while (at_ < text_.size() && text_[at_] != '\n') ++at_;
    } else {
      return;
    }
  }
}

bool Cursor::done() {
  blanks();
  return at_ >= text_.size();
}
char Cursor::peek() {
  blanks();
  return raw();
}
bool Cursor::accept(char c) {
  if (peek() != c || c == 0) return false;
  ++at_;
  return true;
}
bool Cursor::accept(std::string_view w) {
  blanks();
  if (text_.substr(at_, w.size()) != w) return false;
  if (word_char(raw(w.size()))) return false;
  at_ += w.size();
  return true;
}
void Cursor::expect(char c) {
  if (!accept(c)) fail(std::string("'") + c + "'");
}
bool Cursor::at_word() {
  char c = peek();
  return word_char(c) && !digit(c);
}
std::string Cursor::word() {
  if (!at_word()) fail("a name");
  size_t from = at_;
  while (word_char(raw())) ++at_;
  return std::string(text_.substr(from, at_ - from));
}
std::string Cursor::opcode() {
  blanks();
  size_t from = at_;
  while (word_char(raw()) || raw() == '.' || raw() == ':') ++at_;
  return std::string(text_.substr(from, at_ - from));
}
std::string Cursor::until_any(std::string_view stops) {
  blanks();
  size_t from = at_;
  while (at_ < text_.size() && stops.find(text_[at_]) == std::string_view::npos)
    line_ += text_[at_++] == '\n';
  return std::string(text_.substr(from, at_ - from));
}
std::string Cursor::quoted() {
  expect('"');
  size_t from = at_;
  while (at_ < text_.size() && text_[at_] != '"') line_ += text_[at_++] == '\n';
  if (at_ >= text_.size()) fail("'\"'");
  return std::string(text_.substr(from, at_++ - from));
}

bool Cursor::at_number() {
  char c = peek();
  return digit(c) || ((c == '-' || c == '+') && digit(raw(1))) || (c == '.' && digit(raw(1)));
}

Operand Cursor::number() {
  if (!at_number()) fail("a number");
  Operand o;
  bool minus = raw() == '-';
  if (raw() == '-' || raw() == '+') ++at_;
  size_t from = at_;
  char kind = raw() == '0' ? raw(1) : 0;
  auto hex_float = [&](size_t digits, Operand::Kind k) {
    std::string d(text_.substr(at_ + 2, digits));
    if (d.size() != digits || d.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos || minus)
      fail(std::to_string(digits) + " hexadecimal digits without a sign");
    at_ += 2 + digits;
    o.kind = k;
    o.value = std::strtoull(d.c_str(), nullptr, 16);
  };
  if (kind == 'f' || kind == 'F') {
    hex_float(8, Operand::f32_bits);
    return o;
  }
  if (kind == 'd' || kind == 'D') {
    hex_float(16, Operand::f64_bits);
    return o;
  }
  bool hex = kind == 'x' || kind == 'X', binary = kind == 'b' || kind == 'B';
  if (hex || binary) at_ += 2;
  size_t first_digit = at_;
  while (hex ? std::isxdigit(static_cast<unsigned char>(raw())) : digit(raw())) ++at_;
  bool real = !hex && !binary &&
              (raw() == '.' || ((raw() == 'e' || raw() == 'E') && (digit(raw(1)) || digit(raw(2)))));
  if (real) {
    if (raw() == '.') ++at_;
    while (digit(raw())) ++at_;
    if (raw() == 'e' || raw() == 'E') {
      ++at_;
      if (raw() == '-' || raw() == '+') ++at_;
      while (digit(raw())) ++at_;
    }
    double d = std::strtod(std::string(text_.substr(from, at_ - from)).c_str(), nullptr);
    o.kind = Operand::f64_bits;
    o.value = std::bit_cast<uint64_t>(minus ? -d : d);
    return o;
  }
  std::string digits(text_.substr(first_digit, at_ - first_digit));
  bool octal = !hex && !binary && digits.size() > 1 && digits[0] == '0';
  if (digits.empty()) fail("digits");
  if (digits.find_first_not_of(binary  ? "01"
                               : octal ? "01234567"
                               : hex   ? "0123456789abcdefABCDEF"
                                       : "0123456789") != std::string::npos)
    fail("digits of its base");
  errno = 0;
  o.value = std::strtoull(digits.c_str(), nullptr, binary ? 2 : octal ? 8 : hex ? 16 : 10);
  if (errno) fail("an integer of at most 64 bits");
  if (raw() == 'U' || raw() == 'u') ++at_;
  if (minus) o.value = 0 - o.value;
  o.kind = Operand::integer;
  return o;
}

int64_t Cursor::integer() {
  Operand o = number();
  if (o.kind != Operand::integer) fail("an integer");
  return int64_t(o.value);
}

}  // namespace sim::ptx
