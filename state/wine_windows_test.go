package state

import "golang.org/x/sys/windows"

// onWine reports whether this is Wine and not Windows.
func onWine() bool {
	return windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil
}
