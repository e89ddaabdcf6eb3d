# SPDX-License-Identifier: Apache-2.0
# what: OpenJDK 17: javac, jar, jshell, java with threads, memory, files, sockets and processes, with each of its garbage collectors
# packages: openjdk-17-jdk-headless
# limit: 200
# shellcheck shell=bash
units() { echo tools threads memory files sockets processes collectors interpreter; }
prepare() { type -P javac >/dev/null && cp "$HERE/java/Jobs.java" . && javac -d classes Jobs.java; }
run() {
	local gc
	case $1 in
	tools)
		check javac javac -d c "$DIR/Jobs.java"
		digest classes sh -c 'cd c && ls && md5sum *.class'
		digest "an error of javac" sh -c 'echo "class X { int f() { return \"x\"; } }" >X.java; javac X.java 2>&1'
		digest "source launcher" sh -c "java '$DIR/Jobs.java' exit5; echo \$?"
		check jar jar -cfe j.jar Jobs -C c .
		digest "java -jar" sh -c 'java -jar j.jar exit5; echo $?'
		digest javap javap -cp c -p Jobs
		digest jshell sh -c 'printf "int x = 6 * 7\nSystem.out.println(x)\njava.util.stream.IntStream.range(0, 5).sum()\n/exit\n" | jshell -s - 2>/dev/null'
		digest "jcmd finds it" sh -c 'java -cp c Jobs hook >o & p=$!; while ! grep -q ready o; do sleep 0.1; done; jcmd $p Thread.print | grep -c "\"main\""; jstack $p | grep -c "\"main\""; kill $p; wait $p; echo $?'
		digest "properties" sh -c 'java -XshowSettings:properties -version 2>&1 | grep -E "os.arch|java.version =|file.separator|user.name|native.encoding"'
		check "keytool" keytool -genkeypair -keystore k -storepass password -alias a -dname CN=x -keyalg RSA
		;;
	collectors)
		for gc in Serial Parallel G1 Shenandoah Z; do
			java -XX:+Use${gc}GC -Xmx300m -cp "$DIR/classes" Jobs memory | sed "s/ / $gc: /" >&3
		done
		;;
	interpreter)
		java -Xint -cp "$DIR/classes" Jobs threads | sed "s/ / -Xint: /" >&3
		java -XX:TieredStopAtLevel=1 -cp "$DIR/classes" Jobs threads | sed "s/ / C1: /" >&3
		java -XX:-TieredCompilation -Xmx300m -cp "$DIR/classes" Jobs memory | sed "s/ / C2: /" >&3
		;;
	memory) java -Xmx300m -cp "$DIR/classes" Jobs memory >&3 ;;
	*) java -cp "$DIR/classes" Jobs "$1" >&3 ;;
	esac
}
