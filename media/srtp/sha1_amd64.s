#include "textflag.h"

// highestFirst turns 16 bytes into four words, the first one highest.
DATA highestFirst<>+0(SB)/8, $0x08090a0b0c0d0e0f
DATA highestFirst<>+8(SB)/8, $0x0001020304050607
GLOBL highestFirst<>(SB), RODATA|NOPTR, $16

// STEP is four rounds of SHA-1 (FIPS 180-4 section 6.1.2) with function k, and its share of the message schedule: m0 holds the words of
// these rounds, m1 those of the next four, which are finished here, m2 and m3 those behind them. e has what the rounds before left for the
// fifth word and f takes what these leave; the other four words are in X0.
#define STEP(k, e, f, m0, m1, m2, m3) \
	SHA1NEXTE  m0, e;     \
	MOVO       X0, f;     \
	SHA1MSG2   m0, m1;    \
	SHA1RNDS4  $k, e, X0; \
	SHA1MSG1   m0, m3;    \
	PXOR       m0, m2

// LOAD is 16 bytes of the block as four words, the first one highest.
#define LOAD(at, m) \
	MOVOU  at(SI), m; \
	PSHUFB X9, m

// func compress(h *[20]byte, p *byte, blocks int)
TEXT ·compress(SB), NOSPLIT, $0-24
	MOVQ   h+0(FP), DI
	MOVQ   p+8(FP), SI
	MOVQ   blocks+16(FP), CX
	MOVOU  highestFirst<>(SB), X9
	MOVOU  (DI), X0
	PSHUFB X9, X0
	MOVL   16(DI), AX
	BSWAPL AX
	PXOR   X1, X1
	PINSRD $3, AX, X1

block:
	MOVO X0, X7
	MOVO X1, X8

	// Rounds 0 to 15 take their words from the block, and begin the schedule.
	LOAD(0, X3)
	PADDD     X3, X1
	MOVO      X0, X2
	SHA1RNDS4 $0, X1, X0

	LOAD(16, X4)
	SHA1NEXTE X4, X2
	MOVO      X0, X1
	SHA1RNDS4 $0, X2, X0
	SHA1MSG1  X4, X3

	LOAD(32, X5)
	SHA1NEXTE X5, X1
	MOVO      X0, X2
	SHA1RNDS4 $0, X1, X0
	SHA1MSG1  X5, X4
	PXOR      X5, X3

	LOAD(48, X6)
	STEP(0, X2, X1, X6, X3, X4, X5)

	STEP(0, X1, X2, X3, X4, X5, X6)
	STEP(1, X2, X1, X4, X5, X6, X3)
	STEP(1, X1, X2, X5, X6, X3, X4)
	STEP(1, X2, X1, X6, X3, X4, X5)
	STEP(1, X1, X2, X3, X4, X5, X6)
	STEP(1, X2, X1, X4, X5, X6, X3)
	STEP(2, X1, X2, X5, X6, X3, X4)
	STEP(2, X2, X1, X6, X3, X4, X5)
	STEP(2, X1, X2, X3, X4, X5, X6)
	STEP(2, X2, X1, X4, X5, X6, X3)
	STEP(2, X1, X2, X5, X6, X3, X4)
	STEP(3, X2, X1, X6, X3, X4, X5)
	STEP(3, X1, X2, X3, X4, X5, X6)
	STEP(3, X2, X1, X4, X5, X6, X3)
	STEP(3, X1, X2, X5, X6, X3, X4)
	STEP(3, X2, X1, X6, X3, X4, X5)

	SHA1NEXTE X8, X1
	PADDD     X7, X0

	ADDQ $64, SI
	DECQ CX
	JNZ  block

	PSHUFB X9, X0
	MOVOU  X0, (DI)
	PEXTRD $3, X1, AX
	BSWAPL AX
	MOVL   AX, 16(DI)
	RET

// func extended() uint32
TEXT ·extended(SB), NOSPLIT, $0-4
	XORL AX, AX
	XORL CX, CX
	CPUID
	MOVL $0, ret+0(FP)
	CMPL AX, $7
	JB   done
	MOVL $7, AX
	XORL CX, CX
	CPUID
	MOVL BX, ret+0(FP)

done:
	RET
