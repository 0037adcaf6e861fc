// SPDX-License-Identifier: Apache-2.0
#pragma once

// What clang checks about locks (-Wthread-safety, an error in the preset `sanitize`, which CI
// builds). Other compilers ignore these words. They follow clang's manual, "Thread Safety
// Analysis". A lambda is a function of its own for the check: what needs a lock is not read in one.
#ifdef __clang__
#define TEPUI_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define TEPUI_THREAD_ANNOTATION(x)
#endif

// On a class: its objects can be held.
#define TEPUI_CAPABILITY(name) TEPUI_THREAD_ANNOTATION(capability(name))
// On a class: its objects hold a capability from constructor to destructor.
#define TEPUI_SCOPED_CAPABILITY TEPUI_THREAD_ANNOTATION(scoped_lockable)

// On a member: it is read and written only while `mutex` is held.
#define TEPUI_GUARDED_BY(mutex) TEPUI_THREAD_ANNOTATION(guarded_by(mutex))

// On a function: the caller holds the mutex, or must not hold it.
#define TEPUI_REQUIRES(...) TEPUI_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define TEPUI_EXCLUDES(...) TEPUI_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))

// On a function of a lock: it takes or releases the mutex.
#define TEPUI_ACQUIRE(...) TEPUI_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define TEPUI_RELEASE(...) TEPUI_THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define TEPUI_ACQUIRE_SHARED(...) TEPUI_THREAD_ANNOTATION(acquire_shared_capability(__VA_ARGS__))
#define TEPUI_RELEASE_GENERIC(...) TEPUI_THREAD_ANNOTATION(release_generic_capability(__VA_ARGS__))
