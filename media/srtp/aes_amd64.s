#include "textflag.h"

// NEXT makes the next round key of the one in X0 (FIPS 197 section 5.2): each word is the sum of all words before it, and of the last one,
// rotated and substituted, which AESKEYGENASSIST has in its highest word.
#define NEXT(rcon, at) \
	AESKEYGENASSIST $rcon, X0, X1; \
	PSHUFL          $0xff, X1, X1; \
	MOVO            X0, X2;        \
	PSLLO           $4, X2;        \
	PXOR            X2, X0;        \
	PSLLO           $4, X2;        \
	PXOR            X2, X0;        \
	PSLLO           $4, X2;        \
	PXOR            X2, X0;        \
	PXOR            X1, X0;        \
	MOVOU           X0, at(DI)

// func expand(round *roundKeys, key *[16]byte)
TEXT ·expand(SB), NOSPLIT, $0-16
	MOVQ  round+0(FP), DI
	MOVQ  key+8(FP), SI
	MOVOU (SI), X0
	MOVOU X0, (DI)
	NEXT(0x01, 16)
	NEXT(0x02, 32)
	NEXT(0x04, 48)
	NEXT(0x08, 64)
	NEXT(0x10, 80)
	NEXT(0x20, 96)
	NEXT(0x40, 112)
	NEXT(0x80, 128)
	NEXT(0x1b, 144)
	NEXT(0x36, 160)
	RET

// ALL does one step of all eight blocks with the round key at an offset.
#define ALL(op, at) \
	MOVOU at(AX), X8; \
	op    X8, X0;     \
	op    X8, X1;     \
	op    X8, X2;     \
	op    X8, X3;     \
	op    X8, X4;     \
	op    X8, X5;     \
	op    X8, X6;     \
	op    X8, X7

// func encrypt(round *roundKeys, b *blocks)
TEXT ·encrypt(SB), NOSPLIT, $0-16
	MOVQ  round+0(FP), AX
	MOVQ  b+8(FP), DI
	MOVOU 0(DI), X0
	MOVOU 16(DI), X1
	MOVOU 32(DI), X2
	MOVOU 48(DI), X3
	MOVOU 64(DI), X4
	MOVOU 80(DI), X5
	MOVOU 96(DI), X6
	MOVOU 112(DI), X7
	ALL(PXOR, 0)
	ALL(AESENC, 16)
	ALL(AESENC, 32)
	ALL(AESENC, 48)
	ALL(AESENC, 64)
	ALL(AESENC, 80)
	ALL(AESENC, 96)
	ALL(AESENC, 112)
	ALL(AESENC, 128)
	ALL(AESENC, 144)
	ALL(AESENCLAST, 160)
	MOVOU X0, 0(DI)
	MOVOU X1, 16(DI)
	MOVOU X2, 32(DI)
	MOVOU X3, 48(DI)
	MOVOU X4, 64(DI)
	MOVOU X5, 80(DI)
	MOVOU X6, 96(DI)
	MOVOU X7, 112(DI)
	RET
