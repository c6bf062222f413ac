// Verifies a log's static files with Go's own transparency log packages (golang.org/x/mod/sumdb):
// what others wrote, so that nothing of ours vouches for itself.
//
//	check_log DIRECTORY VERIFIER_KEY [OLDER_CHECKPOINT]
//
// The checkpoint must be signed by the key; every entry must be proven to be in its tree, out of
// the tiles; and the tree must have grown out of the older checkpoint's, where one is given. Prints
// `SIZE ROOT`; exit 1 and one line where anything does not hold.
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

type tiles struct{ directory string }

func (t tiles) Height() int                             { return tileHeight }
func (t tiles) SaveTiles(of []tlog.Tile, data [][]byte) {}

// ReadTiles reads by C2SP's paths, which leave out the height that Go's begin with.
func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range wanted {
		path := "tile/" + strings.TrimPrefix(tile.Path(), "tile/8/")
		data, err := os.ReadFile(filepath.Join(t.directory, path))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func readCheckpoint(path string, verifier note.Verifier) (tlog.Tree, error) {
	message, err := os.ReadFile(path)
	if err != nil {
		return tlog.Tree{}, err
	}
	signed, err := note.Open(message, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		return tlog.Tree{}, fmt.Errorf("%s: not three lines of %s", path, verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	hash, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: hash}, err
}

// The entries of a log of this size, by index.
func readEntries(directory string, size int64) ([][]byte, error) {
	var entries [][]byte
	for int64(len(entries)) < size {
		width := size - int64(len(entries))
		if width > 256 {
			width = 256
		}
		tile := tlog.Tile{H: tileHeight, L: 0, N: int64(len(entries)) / 256, W: int(width)}
		path := "tile/entries/" + strings.TrimPrefix(tile.Path(), "tile/8/0/")
		bundle, err := os.ReadFile(filepath.Join(directory, path))
		if err != nil {
			return nil, err
		}
		for i := int64(0); i < width; i++ {
			if len(bundle) < 2 || len(bundle)-2 < int(binary.BigEndian.Uint16(bundle)) {
				return nil, fmt.Errorf("%s: cut short", path)
			}
			end := 2 + int(binary.BigEndian.Uint16(bundle))
			entries = append(entries, bundle[2:end])
			bundle = bundle[end:]
		}
		if len(bundle) != 0 {
			return nil, fmt.Errorf("%s: bytes too many", path)
		}
	}
	return entries, nil
}

func check(directory, key, older string) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return tlog.Tree{}, err
	}
	tree, err := readCheckpoint(filepath.Join(directory, "checkpoint"), verifier)
	if err != nil {
		return tree, err
	}
	hashes := tlog.TileHashReader(tree, tiles{directory})
	entries, err := readEntries(directory, tree.N)
	if err != nil {
		return tree, err
	}
	for index, entry := range entries {
		proof, err := tlog.ProveRecord(tree.N, int64(index), hashes)
		if err != nil {
			return tree, err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, int64(index), tlog.RecordHash(entry)); err != nil {
			return tree, fmt.Errorf("entry %d: %v", index, err)
		}
	}
	if older == "" {
		return tree, nil
	}
	before, err := readCheckpoint(older, verifier)
	if err != nil {
		return tree, err
	}
	proof, err := tlog.ProveTree(tree.N, before.N, hashes)
	if err != nil {
		return tree, err
	}
	return tree, tlog.CheckTree(proof, tree.N, tree.Hash, before.N, before.Hash)
}

func main() {
	if len(os.Args) < 3 || len(os.Args) > 4 {
		fmt.Fprintln(os.Stderr, "usage: check_log DIRECTORY VERIFIER_KEY [OLDER_CHECKPOINT]")
		os.Exit(1)
	}
	older := ""
	if len(os.Args) == 4 {
		older = os.Args[3]
	}
	tree, err := check(os.Args[1], os.Args[2], older)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(tree.N, tree.Hash)
}
