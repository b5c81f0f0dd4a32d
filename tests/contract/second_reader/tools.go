//go:build tools

// Package tools names the program that reads our bank files a second time, so that go.mod and
// go.sum pin it and all it is made of.
package tools

import _ "github.com/moov-io/ach/cmd/achcli"
