// Finds the objects of a `file` rule that has many, and judges each: the matches of a pattern, what
// is below a directory. Bounded in objects, in steps (each look walks its path component by
// component) and in memory; what a bound leaves out is said in the findings.
#pragma once

#include "agent/kinds/file_check.h"
#include "agent/kinds/findings.h"

namespace reeve {

class FileTally {
 public:
  FileTally(const FileRule& rule, const Scope& scope) : rule_(rule), findings_(scope) {}

  void add(FileVerdict verdict);
  // The object, and what may be below it, cannot be looked at.
  void add_refused(const std::string& object, const Error& error);
  // A finding that was added says why what is below it was not looked at.
  void leave_rest_unseen() { findings_.leave_rest_unseen(); }
  // Before a look at an object of so many components, whether or not the rule turns out to speak of
  // it. False: no more looks.
  bool may_look(std::size_t components);
  bool is_open() const { return findings_.is_open(); }
  bool is_empty() const { return findings_.is_empty(); }
  CheckResult finish() &&;

 private:
  const FileRule& rule_;
  Findings findings_;
  std::size_t looks_ = 0;
  std::size_t steps_ = 0;
};

// One named object, its errors as its own finding.
void judge_named(const FileWish& wish, const Eyes& eyes, const std::string& object,
                 FileTally& tally);
// One object below a tree's top, by its path without links. True for a directory.
bool judge_in_tree(const FileWish& wish, const Eyes& eyes, const std::string& object,
                   const std::string& path, FileTally& tally);

void walk_glob(const FileWish& wish, const Eyes& eyes, FileTally& tally);
// Below a top that was judged already; `real_top` is its path without links.
void walk_tree(const FileWish& wish, const Eyes& eyes, const std::string& real_top,
               FileTally& tally);

}  // namespace reeve
