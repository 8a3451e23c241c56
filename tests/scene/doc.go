// Package scene turns short scripts into SIPp scenarios. A scene is a file of tests/sipp/scenes with one template for each role of a
// call, "caller", "callee" and, where there are more, "second" and "third"; what a role does reads from top to bottom:
//
//	{{define "caller"}}
//	{{call sdp}}
//	{{maybe 100 180}}
//	{{expect 200 "a=recvonly"}}
//	{{ack 1}}
//	{{request "BYE" 2}}
//	{{expect 200}}
//	{{end}}
//
// The verbs (script.go) write the XML, with Via, tags, Contact and CSeq as a correct phone has them. What a verb cannot say, because a
// correct phone would not, is written as XML in the scene. A scene takes values by name: {{.status}}.
//
// Files: scene.go (files and roles), script.go (the verbs), message.go (what they write), sdp.go (bodies).
package scene
