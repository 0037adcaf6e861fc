#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "storage/store.h"

namespace tepui::storage {

// The way back to the owner's thread for something that lives there: what is posted runs only
// while this object lives. Destroy it on the owner's thread, after the threads that post.
class Owner {
 public:
  explicit Owner(Poster poster) : poster_(std::move(poster)) {}

  // Any thread.
  void Post(std::move_only_function<void()> work) const {
    poster_([alive = Alive(), work = std::move(work)]() mutable {
      if (!alive.expired()) work();
    });
  }

  // Expires when this object does; for work that calls others, who may destroy it.
  std::weak_ptr<const bool> Alive() const { return alive_; }

 private:
  const Poster poster_;
  const std::shared_ptr<const bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace tepui::storage
