// Package cdr writes one JSON line for every call attempt, refused ones included.
//
// CallEnded events go into a bounded queue; one goroutine (Run) encodes and appends them. A full queue drops the record and counts
// it: a slow disk never slows a call. Records gather for a quarter of a second, so that one write and one sync serve many. While the
// disk refuses to write, the newest Config.Keep lines stay in memory and are tried again each second; a line cut short by a full disk
// is completed, never repeated. A file that is renamed or removed is opened anew under its name, so that it may be rotated.
//
// Files: line.go (the record as JSON), backlog.go (lines that wait), writer.go (queue and file).
package cdr
