package main

import "context"

func (b *bench) overload(ctx context.Context) error { return nil }
func (b *bench) held(ctx context.Context) error     { return nil }
