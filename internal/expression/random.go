package expression

import (
	"fmt"
	"io"
	"strings"
)

// random returns bytes, and none when there is nowhere to take them from.
func (a *arguments) random(n int) []byte {
	b := make([]byte, n)
	if a.environment.Random == nil {
		a.fail(-1, "there is nothing random here", "")
		return nil
	}
	if _, err := io.ReadFull(a.environment.Random, b); err != nil {
		a.fail(-1, "nothing random could be read: "+err.Error(), "")
		return nil
	}
	return b
}

func now(a *arguments) value {
	if a.environment.Now == nil {
		a.fail(-1, "there is no clock here", "")
		return value{}
	}
	return one(date{t: a.environment.Now().UTC(), kind: utc}.String())
}

// guid is a random UUID, of version 4.
func guid(a *arguments) value {
	b := a.random(16)
	if b == nil {
		return value{}
	}
	b[6], b[8] = b[6]&0x0F|0x40, b[8]&0x3F|0x80
	return one(fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]))
}

// Characters of a random text: those that Windows counts in the complexity of a
// password.
const (
	digitCharacters   = "0123456789"
	specialCharacters = "~!@#$%^&*_-+=`|\\(){}[]:;\"'<>,.?/"
	capitalCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	lowerCharacters   = "abcdefghijklmnopqrstuvwxyz"
)

const maxRandom = 256

func prepareRandomString(c *checker, n *call) {
	sum, length := int64(0), int64(-1)
	for i, a := range n.args[:5] {
		literal, ok := a.(*number)
		if !ok {
			continue
		}
		switch {
		case literal.value < 0 || literal.value > maxRandom:
			c.fail(literal.at, n.name, fmt.Sprintf("%s is %d", n.function.parameters[i].name, literal.value),
				fmt.Sprintf("write 0 to %d", maxRandom))
		case i == 0:
			length = literal.value
		default:
			sum += literal.value
		}
	}
	if length >= 0 && sum > length {
		c.fail(n.at, n.name, fmt.Sprintf("at least %d characters are asked for in a length of %d", sum, length), "make the length greater")
	}
}

func randomString(a *arguments) value {
	avoid := a.text(5)
	var counts [5]int64
	for i := range counts {
		if counts[i] = a.whole(i); counts[i] < 0 || counts[i] > maxRandom {
			a.fail(i, fmt.Sprintf("%s is %d", a.function.parameters[i].name, counts[i]), fmt.Sprintf("write 0 to %d", maxRandom))
		}
	}
	if a.stopped() {
		return value{}
	}
	length := counts[0] - counts[1] - counts[2] - counts[3] - counts[4]
	if length < 0 {
		a.fail(0, "length is less than the characters that are asked for", "")
		return value{}
	}
	// What is left is of any kind that is not asked to be nowhere: as in the page's
	// example, a text without special characters has none.
	var rest string
	var result []byte
	for i, set := range []string{digitCharacters, specialCharacters, capitalCharacters, lowerCharacters} {
		set = without(set, avoid)
		if counts[i+1] > 0 {
			rest += set
			result = a.choose(result, set, counts[i+1])
		}
	}
	if rest == "" {
		rest = without(digitCharacters+capitalCharacters+lowerCharacters, avoid)
	}
	result = a.choose(result, rest, length)
	for i := len(result) - 1; i > 0 && !a.stopped(); i-- {
		j := a.below(i + 1)
		result[i], result[j] = result[j], result[i]
	}
	return one(string(result))
}

func without(set, avoid string) string {
	unwanted := characters(avoid)
	return strings.Map(func(r rune) rune {
		if unwanted[r] {
			return -1
		}
		return r
	}, set)
}

// choose appends n characters of the set.
func (a *arguments) choose(result []byte, set string, n int64) []byte {
	if set == "" && n > 0 {
		a.fail(5, "avoid leaves nothing to choose from", "")
	}
	for ; n > 0 && !a.stopped(); n-- {
		result = append(result, set[a.below(len(set))])
	}
	return result
}

// below returns a number from 0 up to n, which is at most 256, each as likely as
// the others. A source that gives nothing useful for long is an error.
func (a *arguments) below(n int) int {
	for range 1000 {
		b := a.random(1)
		if b == nil {
			return 0
		}
		if int(b[0]) < 256/n*n {
			return int(b[0]) % n
		}
	}
	a.fail(-1, "what is to be random is not", "")
	return 0
}
