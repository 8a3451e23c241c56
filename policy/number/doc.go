// Package number brings telephone numbers into forms that can be compared, however they were written: with +, 00 or 011, as tel: URI, with
// a phone-context, percent escapes, digits of other scripts, visual separators or parameters. It is pure.
//
// number.go has Normal, the one form that tables are looked up by. readings.go has Readings, every number that what was dialled may reach: a
// rule that must not be dodged is held against all of them. plan.go says how numbers are dialled in a country; plans.go is its table.
//
// ITU-T E.164, RFC 3966.
package number
