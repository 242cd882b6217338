//go:build !windows

package state

func onWine() bool { return false }
