// Package admin is the private HTTP port: health, metrics, facts about the running process, and profiles when asked for. It listens on
// loopback unless the configuration says otherwise in so many words, and never on the public port (security rule T40).
//
//	GET /healthz              200 while the process lives
//	GET /readyz               200, or 503 while draining
//	GET /metrics              Prometheus
//	GET /v1/info              version, start time, the addresses in use
//	POST /v1/reload           reads the configuration again: its version, or 422 and why not
//	GET /v1/calls             the newest calls in progress with their media as it is now; ?limit=100
//	GET /v1/calls/ID          one of them
//	GET /v1/route/explain     where a call would go; ?from=alice&to=100, and caller, realm, at
//	GET /v1/acl               the access lists
//	POST /v1/acl              adds an entry: {"list", "kind", "value", "ttl", "reason", "force"}
//	DELETE /v1/acl            removes one; ?list=deny&kind=source&value=198.51.100.7
//	GET /v1/fraud             who is blocked by fraud rules
//	DELETE /v1/fraud/ACCOUNT  ends the blocks of an account
//	GET /debug/pprof/         only with PProf
//
// Files: server.go (New, Run, the routes, who may ask), lists.go (/v1/acl), fraud.go (/v1/fraud), reload.go (/v1/reload).
package admin
