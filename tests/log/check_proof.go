// Verifies a proof file of one record, written from docs/formats.md alone: nothing of Reeve's own
// code is asked. The log's part is left to Go's transparency log packages (golang.org/x/mod/sumdb).
//
//	check_proof PROOF ROOT
//
// ROOT is a signed root that is trusted, such as public/root. Prints one line: node, record's
// sequence, leaf, tree size, policy version (0: none), how many have cosigned the checkpoint and of
// how many, the times of the ticks around it (0: none), and the key hashes of the policy's signers.
// Exit 1 and one line where anything does not hold.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

var errShort = errors.New("cut short")

// reader reads fixed layouts; after the first short read everything is empty and err is set.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) take(count uint64) []byte {
	if count > uint64(len(r.rest)) {
		r.err = errShort
		r.rest = nil
		return make([]byte, 0)
	}
	out := r.rest[:count]
	r.rest = r.rest[count:]
	return out
}

func (r *reader) number(width uint64) uint64 {
	var out uint64
	for _, b := range r.take(width) {
		out = out<<8 | uint64(b)
	}
	return out
}

// MessagePack, as far as docs/formats.md uses it: maps, lists, texts, bytes, whole numbers, booleans.

type object map[string]any

func decode(r *reader, depth int) (any, error) {
	if depth > 8 {
		return nil, errors.New("too many levels")
	}
	tag := r.number(1)
	if r.err != nil {
		return nil, r.err
	}
	switch {
	case tag <= 0x7f:
		return tag, nil
	case tag <= 0x8f:
		return decodeMap(r, tag&0x0f, depth)
	case tag <= 0x9f:
		return decodeList(r, tag&0x0f, depth)
	case tag <= 0xbf:
		return string(r.take(tag & 0x1f)), r.err
	case tag == 0xc0:
		return nil, nil
	case tag == 0xc2 || tag == 0xc3:
		return tag == 0xc3, nil
	case tag >= 0xc4 && tag <= 0xc6:
		return r.take(r.number(1 << (tag - 0xc4))), r.err
	case tag >= 0xcc && tag <= 0xcf:
		return r.number(1 << (tag - 0xcc)), r.err
	case tag >= 0xd0 && tag <= 0xd3:
		width := uint64(1) << (tag - 0xd0)
		shift := 64 - 8*width
		return int64(r.number(width)<<shift) >> shift, r.err
	case tag >= 0xd9 && tag <= 0xdb:
		return string(r.take(r.number(1 << (tag - 0xd9)))), r.err
	case tag == 0xdc || tag == 0xdd:
		return decodeList(r, r.number(2<<(tag-0xdc)), depth)
	case tag == 0xde || tag == 0xdf:
		return decodeMap(r, r.number(2<<(tag-0xde)), depth)
	case tag >= 0xe0:
		return int64(int8(tag)), nil
	}
	return nil, fmt.Errorf("MessagePack type %#x", tag)
}

func decodeList(r *reader, count uint64, depth int) (any, error) {
	var out []any
	for i := uint64(0); i < count; i++ {
		item, err := decode(r, depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, item)
	}
	return out, nil
}

func decodeMap(r *reader, count uint64, depth int) (any, error) {
	out := object{}
	for i := uint64(0); i < count; i++ {
		key, err := decode(r, depth+1)
		if err != nil {
			return nil, err
		}
		name, isText := key.(string)
		if _, twice := out[name]; !isText || twice {
			return nil, errors.New("a key that is no text, or twice")
		}
		if out[name], err = decode(r, depth+1); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func decodeObject(data []byte) (object, error) {
	r := &reader{rest: data}
	value, err := decode(r, 1)
	if err != nil {
		return nil, err
	}
	out, isMap := value.(object)
	if !isMap || len(r.rest) != 0 {
		return nil, errors.New("not one map")
	}
	return out, nil
}

func (o object) bytes(key string) []byte { out, _ := o[key].([]byte); return out }
func (o object) text(key string) string  { out, _ := o[key].(string); return out }
func (o object) list(key string) []any   { out, _ := o[key].([]any); return out }
func (o object) sub(key string) object   { out, _ := o[key].(object); return out }
func (o object) number(key string) uint64 {
	out, _ := o[key].(uint64)
	return out
}

// Signed objects.

type signature struct{ key, bytes []byte }
type signed struct {
	kind       uint64
	signatures []signature
	payload    []byte
}

const (
	typeRoot        = 1
	typeManifest    = 2
	typeCertificate = 3
	typeHeader      = 4
	typeToken       = 9
	typeSuccession  = 10
	typeEnrollment  = 11
	typeTick        = 6
	typeWitnesses   = 13
	typeCosigner    = 14
)

func parse(data []byte, kinds ...uint64) (signed, error) {
	r := &reader{rest: data}
	var out signed
	if string(r.take(4)) != "RVSO" || r.number(1) != 1 {
		return out, errors.New("no signed object")
	}
	out.kind = r.number(1)
	count := r.number(2)
	size := r.number(4)
	for i := uint64(0); i < count && i < 32; i++ {
		out.signatures = append(out.signatures, signature{r.take(32), r.take(64)})
	}
	out.payload = r.take(size)
	if r.err != nil || len(r.rest) != 0 || count > 32 {
		return out, errors.New("a signed object that is not whole")
	}
	for _, kind := range kinds {
		if kind == out.kind {
			return out, nil
		}
	}
	return out, fmt.Errorf("a signed object of type %d", out.kind)
}

// signers are the hashes of those of the keys that have signed; one that does not hold is an error.
func (s signed) signers(keys [][]byte) ([][]byte, error) {
	message := append(append([]byte("reeve/1"), byte(s.kind)), s.payload...)
	var out [][]byte
	for i, signature := range s.signatures {
		for _, before := range s.signatures[:i] {
			if bytes.Equal(before.key, signature.key) {
				return nil, errors.New("one key has signed twice")
			}
		}
		for _, key := range keys {
			hash := sha256.Sum256(key)
			if len(key) != ed25519.PublicKeySize || !bytes.Equal(hash[:], signature.key) {
				continue
			}
			if !ed25519.Verify(key, message, signature.bytes) {
				return nil, errors.New("a signature does not hold")
			}
			out = append(out, signature.key)
		}
	}
	return out, nil
}

func (s signed) require(keys [][]byte, need uint64) error {
	signers, err := s.signers(keys)
	if err == nil && (need == 0 || uint64(len(signers)) < need) {
		err = fmt.Errorf("%d of %d signatures", len(signers), need)
	}
	return err
}

// Roots.

func roleOf(root object, role string) ([][]byte, uint64) {
	var keys [][]byte
	for _, key := range root.sub(role).list("keys") {
		bytes, _ := key.([]byte)
		keys = append(keys, bytes)
	}
	return keys, root.sub(role).number("need")
}

// readRoot verifies a root under its own keys and, where there is one, under the root before it.
func readRoot(data []byte, before object) (object, error) {
	parsed, err := parse(data, typeRoot)
	if err != nil {
		return nil, err
	}
	if before != nil {
		if err := parsed.require(roleOf(before, "root")); err != nil {
			return nil, err
		}
	}
	root, err := decodeObject(parsed.payload)
	if err != nil {
		return nil, err
	}
	if err := parsed.require(roleOf(root, "root")); err != nil {
		return nil, err
	}
	if before == nil {
		return root, nil
	}
	follows := root.number("version") == before.number("version")+1 &&
		root.text("origin") == before.text("origin") &&
		bytes.Equal(root.bytes("fleet"), before.bytes("fleet"))
	if !follows {
		return nil, errors.New("a root does not follow the one before it")
	}
	return root, nil
}

func operatorsWith(wanted string, root object) [][]byte {
	var keys [][]byte
	for _, item := range root.list("ops") {
		who, _ := item.(object)
		for _, right := range who.list("rights") {
			if right == wanted {
				keys = append(keys, who.bytes("key"))
			}
		}
	}
	return keys
}

// trusted gives the roots that may be believed, oldest first: ours, and what follows it in the file.
func trusted(parts [][]byte, own []byte) ([]object, error) {
	ours, err := readRoot(own, nil)
	if err != nil {
		return nil, fmt.Errorf("the trusted root: %v", err)
	}
	ownPayload, _ := parse(own, typeRoot)
	out := []object{ours}
	var before object
	for _, part := range parts {
		root, err := readRoot(part, before)
		if err != nil {
			return nil, fmt.Errorf("roots: %v", err)
		}
		before = root
		newest := out[len(out)-1].number("version")
		switch version := root.number("version"); {
		case version == ours.number("version"):
			parsed, _ := parse(part, typeRoot)
			if !bytes.Equal(parsed.payload, ownPayload.payload) {
				return nil, errors.New("roots: another one than the trusted one")
			}
		case version == newest+1:
			if _, err := readRoot(part, out[len(out)-1]); err != nil {
				return nil, fmt.Errorf("roots: %v", err)
			}
			out = append(out, root)
		}
	}
	return out, nil
}

// The node: its certificate, and the keys that follow the one in it.

func readCertificate(data []byte, root object) (object, error) {
	parsed, err := parse(data, typeCertificate, typeEnrollment)
	if err != nil {
		return nil, err
	}
	byOperator, err := parsed.signers(operatorsWith("enroll", root))
	if err != nil {
		return nil, err
	}
	payload := parsed.payload
	var oneTime []byte
	if parsed.kind == typeEnrollment {
		r := &reader{rest: payload}
		token := r.take(r.number(2))
		payload = r.rest
		if len(byOperator) == 0 {
			if oneTime, err = readToken(token, root); err != nil {
				return nil, err
			}
		}
	} else if len(byOperator) == 0 {
		return nil, errors.New("no operator who may enroll has signed it")
	}
	certificate, err := decodeObject(payload)
	if err != nil {
		return nil, err
	}
	if parsed.kind == typeEnrollment {
		keys := [][]byte{certificate.bytes("key")}
		if oneTime != nil {
			keys = append(keys, oneTime)
		}
		if err := parsed.require(keys, uint64(len(keys))); err != nil {
			return nil, err
		}
	}
	id := sha256.Sum256(certificate.bytes("key"))
	if certificate.number("version") == 1 && !bytes.Equal(id[:], certificate.bytes("node")) {
		return nil, errors.New("the node's id is not the hash of its key")
	}
	return certificate, nil
}

// readToken gives the one-time key. Bounds of names and labels are left to others here.
func readToken(data []byte, root object) ([]byte, error) {
	parsed, err := parse(data, typeToken)
	if err != nil {
		return nil, err
	}
	if err := parsed.require(operatorsWith("enroll", root), 1); err != nil {
		return nil, fmt.Errorf("token: %v", err)
	}
	token, err := decodeObject(parsed.payload)
	if err != nil {
		return nil, err
	}
	if token["approve"] != false {
		return nil, errors.New("token: it asks for an operator's approval")
	}
	return token.bytes("key"), nil
}

type recordKey struct {
	key    []byte
	number uint64
	epoch  []byte // nil: the certificate's
}

type keyChain struct {
	keys       map[string]recordKey
	successors map[string][]object
}

func readKeys(certificate object, successions [][]byte) (keyChain, error) {
	chain := keyChain{map[string]recordKey{}, map[string][]object{}}
	first := sha256.Sum256(certificate.bytes("key"))
	chain.keys[string(first[:])] = recordKey{key: certificate.bytes("key")}
	for _, data := range successions {
		parsed, err := parse(data, typeSuccession)
		if err != nil {
			return chain, err
		}
		if len(parsed.signatures) != 1 {
			return chain, errors.New("a succession that is not signed once")
		}
		signer := string(parsed.signatures[0].key)
		old, known := chain.keys[signer]
		if !known {
			return chain, errors.New("a succession by an unknown key")
		}
		if err := parsed.require([][]byte{old.key}, 1); err != nil {
			return chain, err
		}
		link, err := decodeObject(parsed.payload)
		if err != nil {
			return chain, err
		}
		hash := sha256.Sum256(link.bytes("key"))
		_, circle := chain.keys[string(hash[:])]
		follows := bytes.Equal(link.bytes("node"), certificate.bytes("node")) &&
			string(link.bytes("old")) == signer && link.number("number") == old.number+1 &&
			(old.epoch == nil || bytes.Equal(old.epoch, link.bytes("ended")))
		if circle || !follows {
			return chain, errors.New("a succession that does not follow")
		}
		chain.keys[string(hash[:])] = recordKey{link.bytes("key"), link.number("number"), link.bytes("epoch")}
		chain.successors[signer] = append(chain.successors[signer], link)
	}
	return chain, nil
}

func readHeader(data []byte, certificate object, chain keyChain) (object, error) {
	parsed, err := parse(data, typeHeader)
	if err != nil {
		return nil, err
	}
	if len(parsed.signatures) != 1 {
		return nil, errors.New("it is not signed once")
	}
	signer := parsed.signatures[0].key
	key, known := chain.keys[string(signer)]
	if !known {
		return nil, errors.New("its signer's key is not certified")
	}
	if err := parsed.require([][]byte{key.key}, 1); err != nil {
		return nil, err
	}
	header, err := decodeObject(parsed.payload)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(header.bytes("key"), signer) || !bytes.Equal(header.bytes("node"), certificate.bytes("node")) {
		return nil, errors.New("it names another key or node")
	}
	if key.epoch != nil && !bytes.Equal(key.epoch, header.bytes("epoch")) {
		return nil, errors.New("its key does not sign in this epoch")
	}
	covered := len(chain.successors[string(signer)]) == 0
	for _, next := range chain.successors[string(signer)] {
		end := next.sub(header.text("stream")).number("records")
		covered = covered || (bytes.Equal(next.bytes("ended"), header.bytes("epoch")) &&
			header.number("first")+header.number("count") <= end)
	}
	if !covered {
		return nil, errors.New("its key had a successor before")
	}
	return header, nil
}

// Paths and checkpoint.

func hashesIn(data []byte) ([]tlog.Hash, error) {
	if len(data)%tlog.HashSize != 0 {
		return nil, errors.New("a path is no sequence of hashes")
	}
	var out []tlog.Hash
	for ; len(data) > 0; data = data[tlog.HashSize:] {
		out = append(out, *(*tlog.Hash)(data[:tlog.HashSize]))
	}
	return out, nil
}

func checkPath(path []byte, index, size uint64, leaf tlog.Hash, root tlog.Hash) error {
	hashes, err := hashesIn(path)
	if err != nil {
		return err
	}
	if index >= size || size > 1<<62 {
		return errors.New("no such index")
	}
	return tlog.CheckRecord(hashes, int64(size), root, int64(index), leaf)
}

func readCheckpoint(data []byte, root object) (tlog.Tree, error) {
	var verifiers []note.Verifier
	keys, _ := roleOf(root, "ledger")
	// The fleet's own, or with "~NUMBER" behind it after so many recoveries.
	origin, _, _ := strings.Cut(string(data), "\n")
	own, number, recovered := strings.Cut(origin, "~")
	count, err := strconv.ParseUint(number, 10, 64)
	if own != root.text("origin") ||
		recovered && (err != nil || count == 0 || strconv.FormatUint(count, 10) != number) {
		return tlog.Tree{}, errors.New("not of this fleet's ledger")
	}
	for _, key := range keys {
		text, err := note.NewEd25519VerifierKey(origin, key)
		if err != nil {
			return tlog.Tree{}, err
		}
		verifier, err := note.NewVerifier(text)
		if err != nil {
			return tlog.Tree{}, err
		}
		verifiers = append(verifiers, verifier)
	}
	opened, err := note.Open(data, note.VerifierList(verifiers...))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != origin || lines[3] != "" {
		return tlog.Tree{}, errors.New("not three lines of this ledger")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	hash, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: hash}, err
}

// Witnesses: the set, and of each that has cosigned its certificate, keys, and line in the note.

func split(data []byte) ([][]byte, error) {
	var out [][]byte
	for len(data) > 0 {
		if len(data) < 12 {
			return nil, errShort
		}
		size := 12 + 96*uint64(binary.BigEndian.Uint16(data[6:])) + uint64(binary.BigEndian.Uint32(data[8:]))
		if size > uint64(len(data)) {
			return nil, errShort
		}
		out = append(out, data[:size])
		data = data[size:]
	}
	return out, nil
}

// cosigned finds the line of this name and key, and checks it. C2SP's tlog-cosignature, Ed25519.
func cosigned(data []byte, name string, key []byte) error {
	text, lines, _ := strings.Cut(string(data), "\n\n")
	text += "\n"
	id := sha256.Sum256(append([]byte(name+"\n\x04"), key...))
	for _, line := range strings.Split(lines, "\n") {
		fields := strings.Split(line, " ")
		if len(fields) != 3 || fields[0] != "\u2014" || fields[1] != name {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(fields[2])
		if err != nil || len(raw) != 4+8+64 || !bytes.Equal(raw[:4], id[:4]) {
			continue
		}
		message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(raw[4:]), text)
		if !ed25519.Verify(key, []byte(message), raw[12:]) {
			return errors.New("a cosignature does not hold")
		}
		return nil
	}
	return errors.New("the checkpoint has no line of this cosigner")
}

func checkCosigner(part, checkpoint []byte, root object) ([]byte, error) {
	objects, err := split(part)
	if err != nil || len(objects) < 2 {
		return nil, errors.New("not a certificate and a key")
	}
	certificate, err := readCertificate(objects[0], root)
	if err != nil {
		return nil, err
	}
	last := len(objects) - 1
	chain, err := readKeys(certificate, objects[1:last])
	if err != nil {
		return nil, err
	}
	parsed, err := parse(objects[last], typeCosigner)
	if err != nil || len(parsed.signatures) != 1 {
		return nil, errors.New("a key that is not signed once")
	}
	if err := parsed.require([][]byte{chain.keys[string(parsed.signatures[0].key)].key}, 1); err != nil {
		return nil, err
	}
	said, err := decodeObject(parsed.payload)
	if err != nil {
		return nil, err
	}
	node := certificate.bytes("node")
	if !bytes.Equal(said.bytes("node"), node) || len(said.bytes("key")) != ed25519.PublicKeySize {
		return nil, errors.New("a key of another node, or none")
	}
	name := root.text("origin") + "/" + hex.EncodeToString(node)
	return node, cosigned(checkpoint, name, said.bytes("key"))
}

func checkWitnesses(parts map[uint64][][]byte, root object) (int, int, error) {
	if len(parts[10]) == 0 {
		if len(parts[11]) != 0 {
			return 0, 0, errors.New("cosigners of no set")
		}
		return 0, 0, nil
	}
	parsed, err := parse(parts[10][0], typeWitnesses)
	if err != nil || len(parsed.signatures) != 1 {
		return 0, 0, errors.New("no set that one operator has signed")
	}
	if err := parsed.require(operatorsWith("administer", root), 1); err != nil {
		return 0, 0, err
	}
	set, err := decodeObject(parsed.payload)
	if err != nil {
		return 0, 0, err
	}
	nodes := set.list("nodes")
	need := set.number("need")
	if !bytes.Equal(set.bytes("fleet"), root.bytes("fleet")) || need > uint64(len(nodes)) || 2*need <= uint64(len(nodes)) {
		return 0, 0, errors.New("a set of another fleet, or without a majority")
	}
	var before []byte
	for _, part := range parts[11] {
		node, err := checkCosigner(part, parts[8][0], root)
		if err != nil {
			return 0, 0, err
		}
		isMember := false
		for _, one := range nodes {
			id, _ := one.([]byte)
			isMember = isMember || bytes.Equal(id, node)
		}
		if !isMember || bytes.Compare(before, node) >= 0 {
			return 0, 0, errors.New("no witness, or not in order")
		}
		before = node
	}
	if uint64(len(parts[11])) < need {
		return 0, 0, errors.New("too few cosignatures")
	}
	return len(parts[11]), len(nodes), nil
}

// checkTick gives the time of a tick, 0 for none. It stands before the leaf, or behind it.
func checkTick(some [][]byte, place uint64, tree tlog.Tree, roots []object, isBefore bool) (uint64, error) {
	if len(some) == 0 {
		return 0, nil
	}
	r := &reader{rest: some[0]}
	index := r.number(8)
	path := r.take(32 * r.number(2))
	if r.err != nil || (index < place) != isBefore || index == place {
		return 0, errors.New("a tick in the wrong place")
	}
	if err := checkPath(path, index, uint64(tree.N), tlog.RecordHash(r.rest), tree.Hash); err != nil {
		return 0, err
	}
	parsed, err := parse(r.rest, typeTick)
	if err != nil {
		return 0, err
	}
	err = errors.New("no root")
	for _, root := range roots {
		keys, _ := roleOf(root, "ledger")
		if err = parsed.require(keys, 1); err == nil {
			break
		}
	}
	if err != nil {
		return 0, err
	}
	tick, err := decodeObject(parsed.payload)
	if err != nil {
		return 0, err
	}
	isOurs := tick.text("origin") == roots[0].text("origin") ||
		strings.HasPrefix(tick.text("origin"), roots[0].text("origin")+"~")
	if !isOurs || tick.number("size") != index {
		return 0, errors.New("a tick of another ledger or place")
	}
	return tick.number("wall"), nil
}

// The policy that a record names.

func checkPolicy(record object, data []byte, roots []object) (uint64, []string, error) {
	named := record
	kind := record.text("type")
	if kind == "receipt" {
		named = record.sub("policy")
	}
	names := (kind == "receipt" || kind == "state" || kind == "policy_adopted") && named.number("version") != 0
	if !names || len(data) == 0 {
		if names || len(data) != 0 {
			return 0, nil, errors.New("a manifest is missing, or too many")
		}
		return 0, nil, nil
	}
	parsed, err := parse(data, typeManifest)
	if err != nil {
		return 0, nil, err
	}
	signers, err := policySigners(parsed, named.list("signers"), roots)
	if err != nil {
		return 0, nil, err
	}
	manifest, err := decodeObject(parsed.payload)
	if err != nil {
		return 0, nil, err
	}
	digest := sha256.Sum256(parsed.payload)
	if kind == "receipt" {
		wanted := named.bytes("digest")
		isThere := false
		for _, item := range manifest.list("bundles") {
			bundle, _ := item.(object)
			isThere = isThere || bytes.Equal(bundle.bytes("digest"), wanted)
		}
		if !isThere {
			return 0, nil, errors.New("the record's bundle is not in the manifest")
		}
	} else if !bytes.Equal(digest[:], named.bytes("manifest")) {
		return 0, nil, errors.New("the record names another manifest")
	}
	if manifest.number("version") != named.number("version") ||
		!bytes.Equal(manifest.bytes("fleet"), roots[0].bytes("fleet")) {
		return 0, nil, errors.New("the record names another version, or the manifest another fleet")
	}
	return manifest.number("version"), signers, nil
}

// policySigners looks for the newest root under which enough have signed, all that the record names
// among them.
func policySigners(manifest signed, named []any, roots []object) ([]string, error) {
	for i := len(roots) - 1; i >= 0; i-- {
		keys, need := roleOf(roots[i], "policy")
		found, err := manifest.signers(keys)
		if err != nil || need == 0 || uint64(len(found)) < need {
			continue
		}
		var signers []string
		for _, key := range found {
			signers = append(signers, hex.EncodeToString(key))
		}
		isWhole := true
		for _, item := range named {
			key, _ := item.([]byte)
			isWhole = isWhole && strings.Contains(strings.Join(signers, " "), hex.EncodeToString(key))
		}
		if isWhole {
			return signers, nil
		}
	}
	return nil, errors.New("too few of the policy keys have signed the manifest")
}

// The file.

func readParts(data []byte) (map[uint64][][]byte, error) {
	r := &reader{rest: data}
	if string(r.take(4)) != "RVPR" || r.number(1) != 1 {
		return nil, errors.New("no proof file of version 1")
	}
	parts := map[uint64][][]byte{}
	var before uint64
	for len(r.rest) > 0 {
		kind := r.number(1)
		content := r.take(r.number(4))
		isRepeat := kind == before && kind != 1 && kind != 3 && kind != 11
		if r.err != nil || kind < before || kind > 14 || kind == 0 || isRepeat || len(content) == 0 {
			return nil, errors.New("parts that are not whole or not in order")
		}
		before = kind
		parts[kind] = append(parts[kind], content)
	}
	for _, kind := range []uint64{1, 2, 4, 5, 6, 7, 8, 14} {
		if len(parts[kind]) == 0 {
			return nil, fmt.Errorf("no part of type %d", kind)
		}
	}
	if !bytes.Equal(parts[14][0], []byte{0}) {
		return nil, errors.New("an end that is none")
	}
	return parts, r.err
}

func check(data, own []byte) (string, error) {
	parts, err := readParts(data)
	if err != nil {
		return "", err
	}
	roots, err := trusted(parts[1], own)
	if err != nil {
		return "", err
	}
	root := roots[len(roots)-1]
	certificate, err := readCertificate(parts[2][0], root)
	if err != nil {
		return "", fmt.Errorf("certificate: %v", err)
	}
	chain, err := readKeys(certificate, parts[3])
	if err != nil {
		return "", fmt.Errorf("keys: %v", err)
	}
	header, err := readHeader(parts[4][0], certificate, chain)
	if err != nil {
		return "", fmt.Errorf("batch header: %v", err)
	}
	r := &reader{rest: parts[6][0]}
	index := r.number(4)
	if len(parts[5][0]) < 16 || r.err != nil || len(header.bytes("root")) != tlog.HashSize {
		return "", errors.New("record: no salt, no index or no root")
	}
	leaf := tlog.Hash(sha256.Sum256(append([]byte{0}, parts[5][0]...)))
	if err := checkPath(r.rest, index, header.number("count"), leaf, *(*tlog.Hash)(header.bytes("root"))); err != nil {
		return "", fmt.Errorf("record: %v", err)
	}
	record, err := decodeObject(parts[5][0][16:])
	if err != nil {
		return "", fmt.Errorf("record: %v", err)
	}
	tree, err := readCheckpoint(parts[8][0], root)
	if err != nil {
		return "", fmt.Errorf("checkpoint: %v", err)
	}
	if len(parts[7][0]) < 8 {
		return "", errors.New("place: no index")
	}
	place := binary.BigEndian.Uint64(parts[7][0])
	if err := checkPath(parts[7][0][8:], place, uint64(tree.N), tlog.RecordHash(parts[4][0]), tree.Hash); err != nil {
		return "", fmt.Errorf("place: %v", err)
	}
	var manifest []byte
	if len(parts[9]) > 0 {
		manifest = parts[9][0]
	}
	version, signers, err := checkPolicy(record, manifest, roots)
	if err != nil {
		return "", fmt.Errorf("policy: %v", err)
	}
	cosigners, witnesses, err := checkWitnesses(parts, root)
	if err != nil {
		return "", fmt.Errorf("witnesses: %v", err)
	}
	after, err := checkTick(parts[12], place, tree, roots, true)
	if err != nil {
		return "", fmt.Errorf("tick: %v", err)
	}
	before, err := checkTick(parts[13], place, tree, roots, false)
	if err != nil {
		return "", fmt.Errorf("tick: %v", err)
	}
	return fmt.Sprintf("%s %d %d %d %d %d/%d %d %d %s", certificate.text("name"), header.number("first")+index,
		place, tree.N, version, cosigners, witnesses, after, before, strings.Join(signers, ",")), nil
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: check_proof PROOF ROOT")
		os.Exit(1)
	}
	proof, err := os.ReadFile(os.Args[1])
	if err == nil {
		var root []byte
		if root, err = os.ReadFile(os.Args[2]); err == nil {
			var told string
			if told, err = check(proof, root); err == nil {
				fmt.Println(strings.TrimSpace(told))
				return
			}
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
