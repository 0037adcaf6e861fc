//go:build tools

// Package conformance pins the third-party frameworks that the tests run, unmodified, against Tepui.
package conformance

import (
	_ "github.com/mesos/mesos-go/api/v1/cmd/example-executor"
	_ "github.com/mesos/mesos-go/api/v1/cmd/example-scheduler"
)
